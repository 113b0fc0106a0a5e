"""Callbacks that show and record how training goes."""

import csv
import time

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tfdrop.progress import Progress

METRICS = "metrics.csv"
COLUMNS = ("round", "epoch", "loss", "learning_rate", "seconds")


class TrainingProgress(keras.callbacks.Callback):
    """Shows the progress of all epochs as one phase, with the time left.

    Args:
        label: Name of the phase.
        steps: Training steps of all epochs together.
    """

    def __init__(self, label, steps):
        super().__init__()
        self._progress = Progress(label, steps)

    def on_train_begin(self, logs=None):
        self._progress.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        self._progress.advance()

    def on_epoch_end(self, epoch, logs=None):
        self._progress.advance(0, epoch=epoch + 1, loss=float(logs["loss"]))

    def on_train_end(self, logs=None):
        self._progress.__exit__(None, None, None)


class TrainingLog(keras.callbacks.Callback):
    """Records every epoch in `metrics.csv` and as TensorBoard events.

    Rows of this round or later ones, left by a run that was interrupted, are replaced.

    Args:
        workdir: The run's `Workdir`.
        round: Number of the round.
    """

    def __init__(self, workdir, round):
        super().__init__()
        self._workdir = workdir
        self._round = round
        self._rows = []
        if workdir.exists(METRICS):
            with open(workdir.path / METRICS, newline="") as file:
                self._rows = [row for row in csv.DictReader(file) if int(row["round"]) < round]

    def on_train_begin(self, logs=None):
        self._events = EventFileWriter(str(self._workdir.path / "tensorboard" / f"round{self._round}"))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        values = {
            "loss": float(logs["loss"]),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": round(time.monotonic() - self._epoch_start, 3),
        }
        self._rows.append({"round": self._round, "epoch": epoch + 1, **values})
        self._workdir.write(METRICS, self._write_rows)
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._events.add_event(Event(wall_time=time.time(), step=epoch + 1, summary=summary))

    def on_train_end(self, logs=None):
        self._events.close()

    def _write_rows(self, path):
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows)
