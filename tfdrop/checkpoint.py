"""Saving long computations from time to time, and stopping them before their time is up."""

import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np

from tfdrop.errors import UserError

KEY = "key"
PARTIAL = ".partial-"  # how the name of a file begins that is not yet whole


class OutOfTime(Exception):  # noqa: N818 (no error: the computation is saved and can go on)
    """The time that a computation was given is nearly up; it has been saved and can go on from there."""


class CheckpointError(UserError):
    """A checkpoint is damaged, or belongs to another computation."""


class Pace:
    """Decides after every step of a long computation whether to save it, and whether to stop.

    Args:
        seconds: Time between two saves.
        deadline: Reading of the clock at which the computation must have stopped; never by default.
        clock: Function that returns the time in seconds.
    """

    def __init__(self, seconds=60.0, deadline=float("inf"), clock=time.monotonic):
        self._clock = clock
        self._seconds = seconds
        self._deadline = deadline
        self._last_step = self._last_save = self._clock()
        self._longest_step = self._longest_save = 0.0

    def after_step(self, save):
        """Calls `save()` if it is time to, and raises `OutOfTime` if another step might not fit in.

        Raises:
            OutOfTime: After saving.
        """
        now = self._clock()
        self._longest_step = max(self._longest_step, now - self._last_step)
        stop = now + 1.5 * self._longest_step + 2 * self._longest_save > self._deadline
        if stop or now - self._last_save >= self._seconds:
            save()
            self._last_save = self._clock()
            self._longest_save = max(self._longest_save, self._last_save - now)
        self._last_step = self._clock()
        if stop:
            raise OutOfTime


class Checkpoint:
    """A file of named arrays that a long computation goes on from.

    Args:
        path: The file, ending in `.npz`.
        key: Text that says which computation this is, its settings for example.
        pace: When to save and when to stop.
    """

    def __init__(self, path, key, pace=None):
        self.path = Path(path)
        self._key = key
        self._pace = pace or Pace()

    def load(self):
        """Returns the arrays of the last save; an empty dictionary if there is none.

        Raises:
            CheckpointError: If the file is damaged, or belongs to another computation.
        """
        if not self.path.exists():
            return {}
        try:
            # numpy leaves a file that it cannot read to the garbage collector; this one is closed.
            with open(self.path, "rb") as raw, np.load(raw) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"checkpoint {self.path} is damaged") from error
        if str(arrays.pop(KEY, "")) != self._key:
            raise CheckpointError(f"checkpoint {self.path} belongs to another computation")
        return arrays

    def after_step(self, arrays):
        """Saves what the function `arrays()` returns, if it is time to; see `Pace.after_step`."""
        self._pace.after_step(lambda: self._save(arrays()))

    def _save(self, arrays):
        replace(self.path, lambda partial: np.savez(partial, **{KEY: np.array(self._key)}, **arrays))


def replace(path, save):
    """Has `save(partial path)` write a file beside `path` and puts it in place once it is whole."""
    path = Path(path)
    partial = path.with_name(f"{PARTIAL}{path.name}")
    save(partial)
    os.replace(partial, path)


def save_training(path, model, progress):
    """Saves a compiled model, its optimizer, and a dictionary of plain values, whole or not at all."""

    def save(partial):
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr("progress.json", json.dumps(progress))

    replace(path, save)


def load_training(path):
    """Returns what `save_training` saved: the model, compiled with its optimizer, and the dictionary.

    Raises:
        CheckpointError: If the file is damaged.
    """
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            progress = json.loads(archive.read("progress.json"))
        return keras.saving.load_model(path), progress
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"checkpoint {path} is damaged") from error
