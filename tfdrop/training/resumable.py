"""Running a `Training` to its end across interruptions."""

import time

import numpy as np

from tfdrop.checkpoint import CheckpointError, load_training, save_training
from tfdrop.errors import UserError
from tfdrop.progress import Progress
from tfdrop.training.log import TrainingLog

CHECKPOINT = "training.keras"


def train_resumably(name, key, build, folder, pace, after_epoch=None):
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

    Returns:
        The trained model. Its checkpoint, of the last step, is left in place.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If the checkpoint is damaged, or the loss is no longer finite.
    """
    restored, progress = _restore(folder / CHECKPOINT, name, key)
    model, training = build(restored)
    losses, seconds = progress.get("losses", []), progress.get("seconds", 0.0)
    epoch = training.step // training.steps_per_epoch
    total = training.epochs * training.steps_per_epoch
    resumed = time.monotonic()
    learning_rate = training.learning_rate

    def save():
        # What the record of the running epoch needs goes along, so that it too is as if nothing had happened.
        state = {"training": name, "key": key, "losses": losses, "seconds": seconds + time.monotonic() - resumed}
        save_training(folder / CHECKPOINT, model, state)

    with TrainingLog(folder, name, epoch + 1) as log, Progress(f"{name}: training", total, unit="steps") as bar:
        bar.resume(training.step)
        for step_losses in training.dispatches():
            if not np.isfinite(step_losses).all():
                raise UserError(f"{name}: the loss is not finite at step {training.step}; try a lower --learning_rate")
            losses = losses + step_losses.tolist()
            bar.advance(len(step_losses))
            if training.step % training.steps_per_epoch == 0:
                epoch += 1
                seconds += time.monotonic() - resumed
                loss = float(np.mean(losses))
                values = after_epoch(model, log.records()) if after_epoch else {}
                log.record(epoch, loss=loss, learning_rate=learning_rate, seconds=round(seconds, 3), **values)
                bar.advance(0, epoch=epoch, loss=loss, **values)
                losses, seconds, learning_rate = [], 0.0, training.learning_rate
                resumed = time.monotonic()
            pace.after_step(save)
    save()
    return model


def _restore(path, name, key):
    """Returns the model and progress of the checkpoint, or `(None, {})` if there is none of this training."""
    if not path.exists():
        return None, {}
    try:
        model, progress = load_training(path)
    except CheckpointError as error:
        raise UserError(str(error)) from error
    if progress["key"] != key:
        raise UserError(f"checkpoint {path} belongs to another experiment or version of it")
    return (model, progress) if progress["training"] == name else (None, {})
