"""TFRecord files, read record by record in any order, without TensorFlow."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# A record is its length, a checksum of that, its bytes, and a checksum of those.
LENGTH = struct.Struct("<Q")
BEFORE, AFTER = 12, 4


class Records:
    """The records of some files, one file after the other, by number.

    Only where each begins is held in memory. Checksums are not looked at.

    Args:
        paths: The files.

    Raises:
        ValueError: If a file is missing, or cut off within a record.
    """

    def __init__(self, paths: Sequence[str | Path]):
        self._paths = [Path(path) for path in paths]
        for path in self._paths:
            if not path.is_file():
                raise ValueError(f"no such file: {path}")
        places = [_places(path) for path in self._paths]
        self._file = np.repeat(np.arange(len(places)), [len(each) for each in places])
        self._place = np.concatenate([np.zeros((0, 2), np.int64), *places])

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, number: int) -> bytes:
        begin, length = self._place[number]
        with open(self._paths[self._file[number]], "rb") as file:
            file.seek(int(begin))
            return file.read(int(length))


def _places(path: Path) -> np.ndarray:
    """Returns where each record of a file begins, and how long it is, shape `(n, 2)`."""
    end, place = path.stat().st_size, 0
    found: list[tuple[int, int]] = []
    with open(path, "rb") as file:
        while place < end:
            file.seek(place)
            header = file.read(BEFORE)
            length = LENGTH.unpack(header[: LENGTH.size])[0] if len(header) == BEFORE else end
            if place + BEFORE + length + AFTER > end:
                raise ValueError(f"{path} is cut off after {len(found)} records")
            found.append((place + BEFORE, length))
            place += BEFORE + length + AFTER
    return np.array(found, np.int64).reshape(-1, 2)
