"""The record of training, one row per epoch: `metrics.csv`, and TensorBoard events if there is a folder for them."""

import csv
from pathlib import Path
from typing import Any, Self

from tfdrop.training.events import EVENTS, Events
from tfdrop.whole_files import DamageError, replace

METRICS = "metrics.csv"


def read_records(folder: Path, training: str) -> list[dict[str, float]]:
    """Returns the recorded epochs of one training, in order, as dictionaries of numbers."""
    return _numbers(_read_rows(folder / METRICS), training)


class TrainingLog:
    """Records the epochs of one training in a folder that may hold those of others.

    Rows of the same training from `first_epoch` on, which a killed run left behind, are replaced.

    Args:
        folder: Where `metrics.csv` is, and a folder `tensorboard` if events are wanted: they are many files.
        training: Name of the training.
        first_epoch: The first epoch that will be recorded, counted from 1.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with TrainingLog(folder, "round 1") as log:
    ...     log.record(1, loss=0.5)
    >>> read_records(folder, "round 1")
    [{'epoch': 1.0, 'loss': 0.5}]
    """

    def __init__(self, folder: Path, training: str, first_epoch: int = 1):
        self._path = folder / METRICS
        self._training = training
        rows = _read_rows(self._path)
        self._rows = [row for row in rows if row["training"] != training or int(row["epoch"]) < first_epoch]
        events = folder / EVENTS
        self._events = Events(events / training.replace(" ", "_"), first_epoch) if events.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._events is not None:
            self._events.__exit__()

    def records(self) -> list[dict[str, float]]:
        """Returns the training's recorded epochs, in order, as dictionaries of numbers."""
        return _numbers(self._rows, self._training)

    def record(self, epoch: int, **values: float) -> None:
        """Records numbers of an epoch, counted from 1: its loss, learning rate, seconds, ..."""
        self._rows.append({"training": self._training, "epoch": epoch, **values})
        replace(self._path, self._write_rows)
        if self._events is not None:
            self._events.scalars(epoch, values)

    def _write_rows(self, path: Path) -> None:
        columns = dict.fromkeys(name for row in self._rows for name in row)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    # A row that was cut off lacks values, and one of something else has more than there are names.
    if any(None in row or None in row.values() or not row.get("epoch", "").isdecimal() for row in rows):
        raise DamageError(f"{path} is damaged")
    return rows


def _numbers(rows: list[dict[str, Any]], training: str) -> list[dict[str, float]]:
    return [
        {name: float(value) for name, value in row.items() if name != "training" and value != ""}
        for row in rows
        if row["training"] == training
    ]
