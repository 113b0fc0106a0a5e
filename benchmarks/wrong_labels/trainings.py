"""What is trained: a network with room enough to learn wrong labels by heart."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.replay_validity.trainings import Setup
from tfdrop.data_dropout.rankings import last_losses

PREDICTION_BATCH = 500


def fitting_cnn(shape: tuple[int, ...], classes: int = 10) -> Any:
    """Returns two strided convolutions and two dense layers, GELU: 106,000 weights on MNIST."""
    import keras
    from keras import layers

    convolutions = [
        layers.Conv2D(filters, size, strides=2, padding="same", activation="gelu")
        for filters, size in ((16, 5), (32, 3))
    ]
    head = [layers.Flatten(), layers.Dense(64, activation="gelu"), layers.Dense(classes)]
    return keras.Sequential([keras.Input(shape), *convolutions, *head])


SETUPS = {"mnist": Setup("MNIST", fitting_cnn, 0.05, epochs=30, falls=True)}
SETUPS["cifar10"] = Setup("CIFAR-10", fitting_cnn, 0.02, epochs=30, falls=True)  # at 0.05 some trainings diverge
SETUPS["cifar100"] = Setup("CIFAR-100", partial(fitting_cnn, classes=100), 0.02, epochs=30, falls=True)
SETUPS["digits"] = Setup("Digits", fitting_cnn, 0.05, epochs=30, falls=True)


def outputs(model: Any, x: np.ndarray) -> np.ndarray:
    """Returns a network's logits, shape `(n, classes)`."""
    return model.predict(x, batch_size=PREDICTION_BATCH, verbose=0)


def outputs_by_epoch(run: Any, x: np.ndarray) -> Iterator[np.ndarray]:
    """Trains, and yields the logits after every epoch, shape `(n, classes)`."""
    for _ in run.dispatches():
        if run.step % run.steps_per_epoch == 0:
            yield outputs(run.model, x)


class Outcome(NamedTuple):
    """What a training came to, on test images with right labels.

    Attributes:
        error: Percent wrong after the last epoch.
        best_error: Percent wrong after the epoch where that is lowest; nobody without those labels would know it.
        loss: Mean cross-entropy after the last epoch.
    """

    error: float
    best_error: float
    loss: float


def tested_without(setup: Setup, train: Samples, dropped: np.ndarray, test: Samples, seed: int) -> Outcome:
    """Trains without some samples from a seed."""
    import keras

    x, y = train
    kept = np.setdiff1d(np.arange(len(x)), dropped)
    run = setup.training((x[kept], y[kept]), seed)
    found = outcome(outputs_by_epoch(run, test[0]), test[1])
    keras.backend.clear_session()
    return found


def outcome(outputs_of_epochs: Iterable[np.ndarray], y: np.ndarray) -> Outcome:
    """Returns what a training came to, from its logits after every epoch and the right labels."""
    found = np.stack(list(outputs_of_epochs))
    errors = 100 * np.mean(found.argmax(axis=-1) != y, axis=1)
    return Outcome(float(errors[-1]), float(errors.min()), float(last_losses(found[-1:], y).mean()))
