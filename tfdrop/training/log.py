"""The record of training, a row an epoch: `metrics.csv`, and TensorBoard events where a folder for them is there."""

import csv
import time

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tfdrop.checkpoint import replace

METRICS = "metrics.csv"
EVENTS = "tensorboard"


def read_records(folder, training):
    """Returns the recorded epochs of one training, in order, as dictionaries of numbers."""
    return _numbers(_read_rows(folder / METRICS), training)


class TrainingLog:
    """Records the epochs of one training in a folder that may hold those of others.

    Rows of the same training from `first_epoch` on, left by a run that was killed, are replaced.

    Args:
        folder: Where `metrics.csv` is, and `tensorboard/` if events are wanted: they are many files.
        training: Name of the training.
        first_epoch: The first epoch that will be recorded, counted from 1.
    """

    def __init__(self, folder, training, first_epoch=1):
        self._path = folder / METRICS
        self._training = training
        rows = _read_rows(self._path)
        self._rows = [row for row in rows if row["training"] != training or int(row["epoch"]) < first_epoch]
        events = folder / EVENTS
        self._events = EventFileWriter(str(events / training.replace(" ", "_"))) if events.exists() else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._events is not None:
            self._events.close()

    def records(self):
        """Returns the training's recorded epochs, in order, as dictionaries of numbers."""
        return _numbers(self._rows, self._training)

    def record(self, epoch, **values):
        """Records numbers of an epoch, counted from 1: its loss, learning rate, seconds, ..."""
        self._rows.append({"training": self._training, "epoch": epoch, **values})
        replace(self._path, self._write_rows)
        if self._events is None:
            return
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._events.add_event(Event(wall_time=time.time(), step=epoch, summary=summary))

    def _write_rows(self, path):
        columns = dict.fromkeys(name for row in self._rows for name in row)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)


def _read_rows(path):
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def _numbers(rows, training):
    return [
        {name: float(value) for name, value in row.items() if name != "training" and value != ""}
        for row in rows
        if row["training"] == training
    ]
