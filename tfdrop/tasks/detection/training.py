"""The fine-tuning of a detector, step by step, from where an earlier start stopped."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfdrop.checkpoint import Checkpoint, Pace
from tfdrop.detection.annotations import Annotated
from tfdrop.detection.batches import Batches
from tfdrop.errors import UserError
from tfdrop.progress import Progress
from tfdrop.tasks.detection.settings import DetectSettings
from tfdrop.training.log import TrainingLog

CHECKPOINT = "training.npz"
TRAINING = "detector"  # its name in metrics.csv
WARMUP_START = 1 / 3  # the share of the learning rate that it rises from, as in the code of RetinaNet's authors
FACTOR = 0.1
OF_AN_EPOCH = {"loss": 0.0, "seconds": 0.0}  # what begins anew with each


def train_detector(
    detector: Any,
    settings: DetectSettings,
    images: Sequence[Annotated],
    folder: Path,
    key: str,
    test: Callable[[], dict[str, float]],
    pace: Pace | None = None,
) -> None:
    """Trains a detector; what it has come to is in `metrics.csv`, epoch by epoch.

    Args:
        detector: A `keras_hub.models.RetinaNetObjectDetector`, compiled.
        settings: The run's settings.
        images: The `Annotated` training images.
        folder: The run's folder, where its state is saved.
        key: Text that says what the training depends on.
        test: Function that returns numbers about the detector as it is.
        pace: When to save and when to stop.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If the loss is no number any more.
    """
    batches = Batches(images, settings.image_size, settings.batch_size, settings.seed, settings.mirror)
    detector.optimizer.build(detector.trainable_variables)
    variables = [*detector.variables, *detector.optimizer.variables]
    checkpoint = Checkpoint(folder / CHECKPOINT, key, pace)
    state = {"step": 0, **OF_AN_EPOCH} | _restored(checkpoint, variables)
    per_epoch, total = batches.steps_per_epoch, settings.epochs * batches.steps_per_epoch
    with TrainingLog(folder, TRAINING, state["step"] // per_epoch + 1) as log, Progress("Training", total) as progress:
        progress.resume(state["step"])
        for step, batch in batches.from_step(state["step"], total):
            start = time.monotonic()
            detector.optimizer.learning_rate = learning_rate(settings, step, total)
            loss = _trained_on(detector, batch, step)
            seconds = state["seconds"] + time.monotonic() - start
            state = {"step": step + 1, "loss": state["loss"] + loss / per_epoch, "seconds": seconds}
            progress.advance(loss=loss)
            epoch, within = divmod(step + 1, per_epoch)
            if within == 0:
                found = test() if _is_tested(settings, epoch) else {}
                log.record(epoch, loss=state["loss"], seconds=round(seconds, 1), **found)
                state |= OF_AN_EPOCH
            checkpoint.after_step(partial(_arrays, state, variables))


def learning_rate(settings: DetectSettings, step: int, total: int) -> float:
    """Returns the learning rate of a step, counted from 0, of so many."""
    drops = sum(step >= round(share * total) for share in settings.learning_rate_drops)
    rise = min(1.0, step / settings.warmup_steps) if settings.warmup_steps else 1.0
    return settings.learning_rate * FACTOR**drops * (WARMUP_START + (1 - WARMUP_START) * rise)


def make_optimizer(settings: DetectSettings) -> Any:
    """Returns the optimizer, whose learning rate is set before every step."""
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(settings.learning_rate)
    return keras.optimizers.SGD(settings.learning_rate, momentum=settings.momentum)


def _trained_on(detector, batch, step):
    """Takes a step; returns the loss of its batch."""
    detector.reset_metrics()
    # Keras's own: that of keras-hub's pipelines turns targets into one tensor, which boxes with labels are not.
    loss = float(keras.Model.train_on_batch(detector, *batch, return_dict=True)["loss"])
    if not math.isfinite(loss):
        raise UserError(f"the loss is {loss} after {step + 1} steps; a smaller --learning_rate may train")
    return loss


def _is_tested(settings, epoch):
    return epoch == settings.epochs or (settings.test_every and epoch % settings.test_every == 0)


def _arrays(state, variables):
    names = [f"variable{place}" for place in range(len(variables))]
    return dict(state) | {name: keras.ops.convert_to_numpy(each) for name, each in zip(names, variables, strict=True)}


def _restored(checkpoint, variables):
    """Gives the variables what was saved; returns the rest of it, nothing where there is none."""
    arrays = checkpoint.load()
    if not arrays:
        return {}
    for place, variable in enumerate(variables):
        variable.assign(arrays.pop(f"variable{place}"))
    return {name: np.asarray(value).item() for name, value in arrays.items()}
