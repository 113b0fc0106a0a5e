"""What a denoiser was trained for: its levels of noise and its channels, kept in the file of its weights."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

from tfdrop.arguments import check_number, check_whole, invalid
from tfdrop.whole_files import replace_sealed

MEMBER = "trained_for.json"  # in the archive that a .keras file is; Keras passes over it
# On Set12 and 20 images of BSD68, as 8-bit files, scikit-image's estimates of sigma 15, 25 and 50 were 12.9 to 17.1,
# 20.9 to 25.9 and 40.1 to 48.0. Below that, texture weighs more: of 5 they were 5.0 to 9.8.
ESTIMATE_ERROR = 0.2
LEAST_ESTIMATE_ERROR = 3.0


class TrainedFor(NamedTuple):
    """What a denoiser was trained for.

    Attributes:
        lowest: Smallest sigma, the standard deviation of the noise on the 8-bit scale.
        highest: Largest sigma; that of `lowest` for a single level.
        channels: Channels of the images: 1 for grey, 3 for colour.

    >>> print(TrainedFor(0.0, 55.0, 3))
    colour images, sigma 0 to 55
    """

    lowest: float
    highest: float
    channels: int

    def __str__(self) -> str:
        kind = {1: "grey", 3: "colour"}.get(self.channels, f"{self.channels}-channel")
        levels = f"{self.lowest:g}" if self.lowest == self.highest else f"{self.lowest:g} to {self.highest:g}"
        return f"{kind} images, sigma {levels}"

    def covers(self, sigma: float, estimated: bool = False) -> bool:
        """Tells whether a level of noise is one that it was trained for.

        Args:
            sigma: The level.
            estimated: Whether it is an estimate, and so may be that of a level of the range.

        >>> trained = TrainedFor(25.0, 25.0, 1)
        >>> trained.covers(22), trained.covers(22, estimated=True), trained.covers(15, estimated=True)
        (False, True, False)
        """
        share, least = (ESTIMATE_ERROR, LEAST_ESTIMATE_ERROR) if estimated else (0.0, 0.0)
        return self.lowest - max(share * self.lowest, least) <= sigma <= self.highest + max(share * self.highest, least)


def trained_for(lowest: float, highest: float, channels: int) -> TrainedFor:
    """Returns a checked `TrainedFor`.

    Raises:
        ValueError: If the levels are no numbers with 0 <= `lowest` <= `highest`, or `channels` is not at least 1.
    """
    low, high = check_number("lowest", lowest), check_number("highest", highest)
    if not 0 <= low <= high:
        raise invalid("lowest", "numbers with 0 <= lowest <= highest", received=f"lowest={low}, highest={high}")
    return TrainedFor(low, high, check_whole("channels", channels))


def note_trained_for(path: str | Path, trained: TrainedFor) -> None:
    """Writes into a `.keras` file what its denoiser was trained for, unless the file says so already.

    Keras loads the file as before. `load_dncnn` gives the note with the model; `model.save` does not save it again.
    """
    if read_trained_for(path) is None:

        def save(partial: Path) -> None:
            shutil.copyfile(path, partial)
            with zipfile.ZipFile(partial, "a") as archive:
                archive.comment = b""  # the seal of what the file was
                archive.writestr(MEMBER, json.dumps(trained._asdict()))

        replace_sealed(path, save)


def read_trained_for(path: str | Path) -> TrainedFor | None:
    """Returns what the denoiser in a `.keras` file was trained for, or `None` where the file does not say so.

    Raises:
        ValueError: If the note is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            return None
        try:
            return trained_for(**json.loads(archive.read(MEMBER)))
        except (TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError("the note of what the weights were trained for is damaged") from error
