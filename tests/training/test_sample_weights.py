"""Weights of samples in a training: what they multiply, and which are refused."""

import keras
import numpy as np
import pytest

from tfdrop.training import Training

SIDE = 4  # also the batch's size, where a wrong broadcast would go unnoticed


def pixel_training(sample_weights, loss=None, **more):
    """Returns a `Training` of one step whose loss has a value for each pixel of a sample."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(SIDE, SIDE, SIDE, 1)).astype("float32")
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    loss = loss or keras.losses.MeanSquaredError()
    return Training(model, keras.optimizers.SGD(0.1), loss, (x, x**2), SIDE, 1, sample_weights=sample_weights, **more)


def first_loss(training):
    return float(next(training.dispatches())[0])


def test_multiply_all_of_a_samples_loss_and_divide_by_the_batch():
    training = pixel_training(None)
    x, y = training.train
    squares = np.square(np.asarray(keras.ops.convert_to_numpy(training.model(x))) - y).mean((1, 2, 3))
    weights = np.array([0.0, 1.0, 2.0, 0.5])
    assert first_loss(pixel_training(weights)) == pytest.approx(np.mean(weights * squares), rel=1e-5)
    assert first_loss(pixel_training(weights, record=True)) == pytest.approx(np.mean(weights * squares), rel=1e-5)


def test_ones_change_nothing():
    one, other = pixel_training(None), pixel_training(np.ones(SIDE))
    assert first_loss(one) == first_loss(other)
    for ours, theirs in zip(one.model.weights, other.model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("weights", "received"),
    [
        (np.ones(3), r"float64 of shape \(3,\)"),
        (np.ones((SIDE, 1)), r"float64 of shape \(4, 1\)"),
        (["a"] * SIDE, r"of shape \(4,\)"),
        ([1, 1, -0.5, 1], "-0.5 for sample 2"),
        ([1, np.nan, 1, 1], "nan for sample 1"),
        ([1, 1, 1, np.inf], "inf for sample 3"),
    ],
)
def test_wrong_weights_are_refused(weights, received):
    with pytest.raises(ValueError, match=f"argument `sample_weights`. Expected .*. Received: .*{received}"):
        pixel_training(weights)


class OfTheBatch(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred))


@pytest.mark.parametrize("loss", [OfTheBatch(), keras.losses.MeanSquaredError(reduction=None)])
def test_a_loss_that_is_no_mean_or_sum_over_samples_is_refused(loss):
    with pytest.raises(ValueError, match=r"argument `loss`. Expected a.* loss"):
        first_loss(pixel_training(np.ones(SIDE), loss))
