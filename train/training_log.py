"""The record of training, a row an epoch: `metrics.csv`, and TensorBoard events where a folder for them is there."""

import csv
import time

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tfdrop.checkpoint import replace

METRICS = "metrics.csv"
EVENTS = "tensorboard"
COLUMNS = ("training", "epoch", "loss", "learning_rate", "seconds")


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
        self._rows = []
        if self._path.exists():
            with open(self._path, newline="") as file:
                rows = list(csv.DictReader(file))
            self._rows = [row for row in rows if row["training"] != training or int(row["epoch"]) < first_epoch]
        events = folder / EVENTS
        self._events = EventFileWriter(str(events / training.replace(" ", "_"))) if events.exists() else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._events is not None:
            self._events.close()

    def record(self, epoch, **values):
        """Records an epoch, counted from 1, with its loss, learning rate and seconds."""
        self._rows.append({"training": self._training, "epoch": epoch, **values})
        replace(self._path, self._write_rows)
        if self._events is None:
            return
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._events.add_event(Event(wall_time=time.time(), step=epoch, summary=summary))

    def _write_rows(self, path):
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows)
