"""Running a `Training` to its end across interruptions."""

import contextlib
import time

import numpy as np

from tfdrop.checkpoint import DamageError, load_training, save_training
from tfdrop.errors import UserError
from tfdrop.progress import Progress
from tfdrop.training.last_good import LastGood, first_bad_step
from tfdrop.training.log import TrainingLog
from tfdrop.whole_files import note, previous

CHECKPOINT = "training.keras"


def train_resumably(name, key, build, folder, pace, after_epoch=None, scope=contextlib.nullcontext):
    """Trains a model to the end of its last epoch, going on from the folder's checkpoint if there is one.

    Args:
        name: Name of the training, unlike those of the folder's other trainings.
        key: Text that says what all trainings of the folder belong to; checkpoints of another key are refused.
        build: Function `model or None -> (model, Training)`; builds the model where it is given none, and goes on
            with the one that it is given otherwise.
        folder: Where the checkpoint and the record are.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.
        after_epoch: Function `(model, records) -> values`: a dictionary of numbers to record for the epoch that has
            just ended, where `records` are those of the epochs before. It may set the learning rate.
        scope: Function that returns a context to make the model in: a strategy's `scope`, say.

    Returns:
        The trained model. Its checkpoint, of the last step, is left in place.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If the checkpoint is of another experiment, or the loss is no longer finite: the last state with a
            finite one is saved.
    """
    path = folder / CHECKPOINT
    with scope():
        restored, progress = _restore(path, name, key)
        model, training = build(restored)
    running = _Epoch(training, **progress)
    good = LastGood(training)
    good.note(running.progress)

    def save():
        # What the record of the running epoch needs goes along, so that it too is as if nothing had happened.
        save_training(path, model, {"training": name, "key": key, **running.progress})

    with (
        TrainingLog(folder, name, running.number) as log,
        Progress(f"{name}: training", training.steps, unit="steps") as bar,
    ):
        bar.resume(training.step)
        for losses in training.dispatches():
            if not np.isfinite(losses).all():
                step = first_bad_step(training, losses)
                what = f"{name}: the loss is {losses[~np.isfinite(losses)][0]} at step {step + 1}, in epoch "
                what += f"{running.number}, with learning rate {running.learning_rate:.3g}"
                found = good.restore(step)
                if found is not None:
                    save_training(path, model, {"training": name, "key": key, **found.progress})
                    what += f"; its state after step {found.step} is saved"
                raise UserError(f"{what}; try a lower --learning_rate")
            running.losses = running.losses + losses.tolist()
            bar.advance(len(losses))
            if training.step % training.steps_per_epoch == 0:
                numbers = running.numbers()
                values = after_epoch(model, log.records()) if after_epoch else {}
                log.record(running.number, **numbers, **values)
                bar.advance(0, epoch=running.number, loss=numbers["loss"], **values)
                running = _Epoch(training)
            pace.after_step(save)
            good.note(running.progress)
    save()
    return model


class _Epoch:
    """The epoch that is running.

    Attributes:
        number: Its number, from 1 on.
        learning_rate: The learning rate that it began with, or goes on with.
        losses: The losses of its steps.
    """

    def __init__(self, training, losses=(), seconds=0.0):
        self.number = training.step // training.steps_per_epoch + 1
        self.learning_rate = training.learning_rate
        self.losses = list(losses)
        self._samples = training.samples
        self._before = seconds
        self._start = time.monotonic()

    @property
    def progress(self):
        """What has to be saved of it: the losses, and how long it has taken over all starts."""
        return {"losses": self.losses, "seconds": self._before + time.monotonic() - self._start}

    def numbers(self):
        """Returns what is recorded of it when it has ended."""
        seconds = self.progress["seconds"]
        numbers = {"loss": float(np.mean(self.losses)), "learning_rate": self.learning_rate}
        return numbers | {"seconds": round(seconds, 3), "samples_per_second": round(self._samples / seconds, 1)}


def _restore(path, name, key):
    """Returns the model and the running epoch's progress in the checkpoint, or `(None, {})` if there is none of it."""
    if not path.exists() and not previous(path).exists():
        return None, {}
    try:
        model, progress = load_training(path)
    except DamageError as error:
        note(f"{error}; {name} begins again")
        return None, {}
    if progress.pop("key") != key:
        raise UserError(f"checkpoint {path} belongs to another experiment or version of it")
    return (model, progress) if progress.pop("training") == name else (None, {})
