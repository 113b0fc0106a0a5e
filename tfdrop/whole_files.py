"""Files that are whole or not there: written beside their place, flushed to the disk, moved, and sealed by a checksum.

A seal is the comment of a zip archive, which `.npz` and `.keras` files are: whoever reads these files need not know.
"""

import contextlib
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tfdrop.errors import UserError

T = TypeVar("T")

PARTIAL = ".partial-"  # the prefix of a file that is not complete yet
PREVIOUS = "previous-"  # the prefix of the checkpoint before the last
SEAL = b"sha256:"
SEAL_BYTES = len(SEAL) + 64
SEAL_LENGTH = SEAL_BYTES.to_bytes(2, "little")  # as it stands before the comment
ZIP_END, ZIP_END_BYTES = b"PK\5\6", 22  # what ends a zip file without a comment
CHUNK = 2**20


class CheckpointError(UserError):
    """A checkpoint is damaged, or belongs to another computation."""


class DamageError(CheckpointError):
    """A file is not as it was written."""


def replace(path: str | Path, save: Callable[[Path], object], keep: bool = False, flush: bool = True) -> None:
    """Lets `save(partial path)` write a file beside `path`, and moves it there once it is whole and on the disk.

    If that fails, because the disk is full for example, nothing is left of it, and what was there before still is.

    Args:
        path: The file.
        save: Function that writes it.
        keep: Whether the file that was there stays, as `previous(path)`.
        flush: Whether it is on the disk before it is moved, so that it is whole even after a power failure; without, it
            is whole whatever happens to the process.
    """
    path = Path(path)
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        save(partial)
        if flush:
            _flush(partial)
        if keep and path.exists():
            os.replace(path, previous(path))
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if flush and os.name == "posix":  # elsewhere a folder cannot be opened
        _flush(path.parent)


def replace_sealed(path: str | Path, save: Callable[[Path], object], keep: bool = False) -> None:
    """Writes a `.npz` or `.keras` file as `replace` does, with a checksum that `check_seal` checks."""

    def save_and_seal(partial: Path) -> None:
        save(partial)
        _seal(partial)

    replace(path, save_and_seal, keep)


def previous(path: str | Path) -> Path:
    """Returns the path of the file that the last `replace(path, ..., keep=True)` kept."""
    path = Path(path)
    return path.with_name(f"{PREVIOUS}{path.name}")


def forget(path: str | Path) -> None:
    """Removes a file and the one that was kept before it, where they are."""
    for each in (Path(path), previous(path)):
        each.unlink(missing_ok=True)


def check_seal(path: str | Path) -> None:
    """Finds out whether every byte of a sealed file is what was written; of one without a seal, by zip's checksums.

    Raises:
        DamageError: If it is not.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - SEAL_BYTES - 2))
            found = file.read()
            if found[2:].startswith(SEAL):
                whole = found == SEAL_LENGTH + _digest(file, size - SEAL_BYTES)
            elif found[-ZIP_END_BYTES:].startswith(ZIP_END):
                # Of an earlier release: a zip file has checksums of its own, of its members.
                with zipfile.ZipFile(file) as archive:
                    whole = archive.testzip() is None
            else:
                whole = False
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise _damaged(path) from error
    if not whole:
        raise _damaged(path)


def is_whole(path: str | Path) -> bool:
    """Tells whether a file is there and `check_seal` finds nothing wrong with it."""
    try:
        check_seal(path)
    except DamageError:
        return False
    return True


def read_whole(path: str | Path, read: Callable[[Any], T]) -> T:
    """Returns `read(path)` of a sealed file.

    Raises:
        DamageError: If it cannot be read, or is not as it was written.
    """
    check_seal(path)
    with damage(path):
        return read(path)


@contextlib.contextmanager
def damage(path: str | Path) -> Iterator[None]:
    """Turns what readers raise of damaged files into a `DamageError` that names the file."""
    try:
        yield
    except CheckpointError:
        raise
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path) from error


def newest_whole(path: str | Path, read: Callable[[Any], T]) -> T | None:
    """Returns `read` of a file, or of the one before where it is damaged; `None` where neither is there.

    Raises:
        DamageError: If what there is of them is damaged.
    """
    failed = None
    for each in (Path(path), previous(path)):
        if each.exists():
            try:
                found = read(each)
            except DamageError as error:
                failed = failed or error
                continue
            if failed is not None:
                note(f"{failed}; going on from the one before")
            return found
    if failed is not None:
        raise failed
    return None


def sealed_text(values: dict[str, Any]) -> str:
    """Returns a dictionary of plain values as JSON with a checksum, which `sealed_values` checks."""
    return json.dumps(values | {"sha256": _text_digest(values)}, indent=1) + "\n"


def sealed_values(text: str) -> dict[str, Any]:
    """Returns what `sealed_text` was given; from an earlier release, there is no checksum.

    Raises:
        ValueError: If the text is not as it was.
    """
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("expected a dictionary")
    digest = values.pop("sha256", None)
    if digest is not None and digest != _text_digest(values):
        raise ValueError("the checksum is another one")
    return values


def note(message: str) -> None:
    """Tells whoever runs a program what it makes do with."""
    print(f"note: {message}", file=sys.stderr, flush=True)


def _damaged(path):
    return DamageError(f"checkpoint {path} is damaged")


def _seal(path):
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        digest = _digest(file, size)
        file.seek(size - 2)
        file.write(SEAL_LENGTH + digest)


def _digest(file, size):
    """Returns the seal of the first `size` bytes, the last two of which, the length of the comment, are left out."""
    digest, left = hashlib.sha256(), size - 2
    file.seek(0)
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
    return SEAL + digest.hexdigest().encode()


def _text_digest(values):
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _flush(path):
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
