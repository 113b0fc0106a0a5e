"""Small recorded trainings, and the same trainings again with other weights of their samples."""

import contextlib

import keras
import numpy as np

from tfdrop.training import Training, repeated
from tfdrop.training.step_function import read_state

TRAINING_SAMPLES = 14
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
MEASURES = ("loss", "expected_error")


def momentum(rate=0.1):
    return keras.optimizers.SGD(rate, momentum=0.9)


def dense_layers():
    return [keras.layers.Dense(5, activation="gelu")]


def images(samples=TRAINING_SAMPLES + 6, size=6, channels=2, dtype="float64"):
    """Random images in three random classes: `(x, y)`."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, size, size, channels)).astype(dtype), rng.integers(0, 3, samples)


def vectors(samples=TRAINING_SAMPLES + 6, dtype="float64"):
    rng = np.random.default_rng(0)
    return rng.normal(size=(samples, 4)).astype(dtype), rng.integers(0, 3, samples)


def tokens(samples=TRAINING_SAMPLES + 6):
    rng = np.random.default_rng(0)
    return rng.integers(0, 7, (samples, 5)), rng.integers(0, 3, samples)


def classifier(layers, shape, dtype="float64"):
    """Returns a network of some layers, made by a function, and a dense one with three outputs."""
    keras.utils.set_random_seed(1)
    with dtype_policy(dtype):
        inputs = keras.Input(shape, dtype="int32" if shape == (5,) else None)
        return keras.Sequential([inputs, *layers(), keras.layers.Flatten(), keras.layers.Dense(3)])


@contextlib.contextmanager
def dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def small_training(layers=dense_layers, data=None, optimizer=momentum, batch_size=7, epochs=2, dtype="float64", **more):
    """Returns the `Training` of a classifier on the first samples of some data, `vectors()` by default."""
    x, y = vectors() if data is None else data
    model = classifier(layers, x.shape[1:], dtype)
    arguments = {"batch_size": batch_size, "epochs": epochs, "seed": 3, "record": True} | more
    train = x[:TRAINING_SAMPLES], y[:TRAINING_SAMPLES]
    return Training(model, optimizer(), arguments.pop("loss", CROSS_ENTROPY), train, **arguments)


def validation_of(data=None):
    x, y = vectors() if data is None else data
    return x[TRAINING_SAMPLES:], y[TRAINING_SAMPLES:]


def finished(training):
    for _ in training.dispatches():
        pass
    return training


def summed_measure(model, validation, measure):
    """Returns a measure of a classifier summed over validation samples, by NumPy."""
    x, y = validation
    logits = np.asarray(keras.ops.convert_to_numpy(model(x, training=False)), "float64")
    own = logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(1))
    return (1 - np.exp(own)).sum() if measure == "expected_error" else -own.sum()


class Retrained:
    """What a number after a training becomes with other weights of samples, trained anew from the same first state.

    Args:
        training: A `Training` that has not begun, with `sample_weights`, so that nothing is traced twice.
        outcomes: Function `model -> array` of numbers.
    """

    def __init__(self, training, outcomes):
        self._training = training
        self._outcomes = outcomes
        self._start = read_state(training.model, training.optimizer)

    def __call__(self, sample_weights):
        with repeated(self._training, sample_weights, self._start) as again:
            finished(again)
            return np.array(self._outcomes(again.model))

    def derivative(self, direction, step=1e-5):
        """Returns the derivative of the outcomes along a direction of the weights, by central differences."""
        ones = np.ones(len(direction))
        return (self(ones + step * direction) - self(ones - step * direction)) / (2 * step)
