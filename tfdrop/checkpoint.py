"""Saving long computations from time to time, and stopping them before their deadline."""

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.whole_files import PARTIAL as PARTIAL
from tfdrop.whole_files import CheckpointError, DamageError, newest_whole, read_whole, replace_sealed
from tfdrop.whole_files import replace as replace

KEY = "key"


class OutOfTime(Exception):  # noqa: N818 (not an error: the computation is saved and can continue)
    """A computation is close to its deadline or was interrupted; it has been saved and can continue from there."""


class Pace:
    """Decides after every step of a long computation whether to save it, and whether to stop.

    Args:
        seconds: Time between two saves.
        deadline: Reading of the clock at which the computation must have stopped; never by default.
        clock: Function that returns the time in seconds.
        interrupted: Function that tells whether somebody wants the computation to stop as soon as it is saved.
    """

    def __init__(
        self,
        seconds: float = 60.0,
        deadline: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self._clock = clock
        self._interrupted = interrupted
        self._seconds = seconds
        self._deadline = deadline
        self._last_step = self._last_save = self._clock()
        self._longest_step = self._longest_save = 0.0

    def after_step(self, save: Callable[[], None]) -> None:
        """Calls `save()` if it is time to, and raises `OutOfTime` if another step might not fit in, or is not wanted.

        Raises:
            OutOfTime: After saving.
        """
        now = self._clock()
        self._longest_step = max(self._longest_step, now - self._last_step)
        stop = now + 1.5 * self._longest_step + 2 * self._longest_save > self._deadline
        stop = stop or self._interrupted()
        if stop or now - self._last_save >= self._seconds:
            save()
            self._last_save = self._clock()
            self._longest_save = max(self._longest_save, self._last_save - now)
        self._last_step = self._clock()
        if stop:
            raise OutOfTime


class Checkpoint:
    """A file of named arrays that a long computation continues from.

    Args:
        path: The file, ending in `.npz`.
        key: Text that identifies the computation, its settings for example.
        pace: When to save and when to stop.

    Attributes:
        path: The file.
        key: The text.
        pace: The `Pace`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(f"{folder}/sum.npz", key="sum", pace=Pace(seconds=0))
    ...     checkpoint.after_step(lambda: {"total": np.array(3)})
    ...     int(checkpoint.load()["total"])
    3
    """

    def __init__(self, path: str | Path, key: str, pace: Pace | None = None):
        self.path = Path(path)
        self.key = key
        self.pace = pace or Pace()

    def load(self) -> dict[str, np.ndarray]:
        """Returns the arrays of the last save, or of the one before where it is damaged; an empty dictionary if none.

        Raises:
            CheckpointError: If all that is there is damaged, or belongs to another computation.
        """
        arrays = newest_whole(self.path, lambda path: read_whole(path, read_arrays))
        if arrays is None:
            return {}
        if str(arrays.pop(KEY, "")) != self.key:
            raise CheckpointError(f"checkpoint {self.path} belongs to another computation")
        return arrays

    def after_step(self, arrays: Callable[[], dict[str, Any]]) -> None:
        """Saves what the function `arrays()` returns, if it is time to; see `Pace.after_step`."""
        self.pace.after_step(lambda: self._save(arrays()))

    def _save(self, arrays: dict[str, Any]) -> None:
        named: dict[str, Any] = {KEY: np.array(self.key), **arrays}
        replace_sealed(self.path, lambda partial: np.savez(partial, **named), keep=True)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an `.npz` file by their names."""
    # NumPy leaves a file that it cannot read to the garbage collector; this one is closed.
    with open(path, "rb") as raw, np.load(raw) as file:
        return {name: file[name] for name in file.files}


def save_training(path: str | Path, model: Any, progress: dict[str, Any]) -> None:
    """Saves a compiled model, its optimizer, and a dictionary of plain values, completely or not at all.

    What was saved before is kept, and loaded where this is damaged.
    """

    def save(partial: Path) -> None:
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr("progress.json", json.dumps(progress))

    replace_sealed(path, save, keep=True)


def load_training(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """Returns what `save_training` saved: the model, compiled with its optimizer, and the dictionary.

    Raises:
        DamageError: If the file is damaged, and the one before too; if there is none.
    """
    found = newest_whole(path, lambda path: read_whole(path, _read_training))
    if found is None:
        raise DamageError(f"checkpoint {path} is missing")
    return found


def _read_training(path):
    import keras

    with zipfile.ZipFile(path) as archive:
        progress = json.loads(archive.read("progress.json"))
    return keras.saving.load_model(path), progress
