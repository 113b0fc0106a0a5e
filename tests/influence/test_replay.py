"""Replayed derivatives with respect to samples' weights against whole trainings with other weights, in float64.

Where a layer has kinks (ReLU, a maximum, a mask that depends on which activations are largest), the derivative is that
of the smooth piece that the training lies on: the differences are taken inside of it.
"""

import keras
import numpy as np
import pytest
from keras import layers, optimizers
from trainings import (
    MEASURES,
    TRAINING_SAMPLES,
    Retrained,
    dense_layers,
    dtype_policy,
    finished,
    images,
    momentum,
    small_training,
    summed_measure,
    tokens,
    validation_of,
)

import tfdrop
from tfdrop.data import augmentation
from tfdrop.denoising import denoiser_training
from tfdrop.influence import replay_influence
from tfdrop.losses import HalfSumSquaredError, NegativePSNR

OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.3),
    "momentum": momentum,
    "nesterov, cosine": lambda: optimizers.SGD(
        optimizers.schedules.CosineDecay(0.2, 5), momentum=0.9, nesterov=True, weight_decay=0.01
    ),
    "adam": lambda: optimizers.Adam(0.02),
    "adamw, amsgrad, clipnorm": lambda: optimizers.AdamW(0.02, amsgrad=True, clipnorm=0.3),
    "sgd, global_clipnorm": lambda: optimizers.SGD(0.3, momentum=0.9, global_clipnorm=0.5),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
}


def _magnified():
    participation = tfdrop.layers.Participation(0.5)
    decay = tfdrop.layers.MagnifiedWeightDecay(participation, 0.01, magnified=0.1)
    focused = tfdrop.layers.FocusedDropout(participation_rate=participation)
    return [participation, _convolution(kernel_regularizer=decay), focused]


def _convolution(**more):
    return layers.Conv2D(4, 3, activation="gelu", **more)


def _after_convolution(*make):
    return lambda: [_convolution(), *(each() for each in make)]


IMAGE_LAYERS = {
    "batch normalization, dropout": _after_convolution(
        lambda: layers.BatchNormalization(momentum=0.8), lambda: layers.Dropout(0.3)
    ),
    "layer and group normalization": _after_convolution(
        layers.LayerNormalization, lambda: layers.GroupNormalization(2)
    ),
    "relu, max pooling, penalties, max norm": lambda: [
        layers.Conv2D(4, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(0.05), bias_regularizer="l1"),
        layers.MaxPooling2D(),
        layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(0.5)),
    ],
    "magnified weight decay": _magnified,
    "scaled maps": _after_convolution(
        lambda: tfdrop.layers.SpatialScale(0.6), lambda: tfdrop.layers.SelectScale(0.9, top_rate=0.5)
    ),
    "dropped maps": _after_convolution(
        lambda: tfdrop.layers.Selectout(0.25, top_rate=0.5), lambda: tfdrop.layers.DropBlock2D(0.3, block_size=2)
    ),
    "focused and scheduled dropout": _after_convolution(
        lambda: tfdrop.layers.FocusedDropout(participation_rate=0.8),
        lambda: tfdrop.layers.ScheduledDropout(tfdrop.schedules.linear(0.0, 0.5, 4)),
    ),
    "augmentation": lambda: [
        augmentation.RandomShift(1), augmentation.RandomHorizontalFlip(), augmentation.RandomResizedCrop(5),
        _convolution(),
    ],
}  # fmt: skip


def check(make_layers, data=None, optimizer=momentum, measures=("expected_error",), **more):
    """Asserts that scores are the derivatives of whole retrainings, and what else is found."""
    validation = validation_of(data)
    training = small_training(make_layers, data, optimizer, sample_weights=np.ones(TRAINING_SAMPLES), **more)
    retrained = Retrained(training, lambda model: [summed_measure(model, validation, each) for each in measures])
    finished(training)
    found = [replay_influence(training, validation, measure, verbose=0) for measure in measures]
    for each, measure in zip(found, measures, strict=True):
        assert each.value == pytest.approx(summed_measure(training.model, validation, measure), rel=1e-6)
        assert len(each.norms) == training.steps + 1
        np.testing.assert_array_equal(each.removal_effect, -each.scores / TRAINING_SAMPLES)
    assert_derivatives(found, retrained)


def assert_derivatives(found, retrained):
    """Asserts that scores along random directions, and of single samples, are the derivatives of retrainings."""
    derivatives = np.stack([each.scores for each in found]) / found[0].scores.size
    samples = derivatives.shape[1]
    directions = [*np.random.default_rng(5).normal(size=(2, samples)), *np.eye(samples)[[0, samples - 1]]]
    for direction in directions:
        np.testing.assert_allclose(derivatives @ direction, retrained.derivative(direction), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    check(dense_layers, optimizer=OPTIMIZERS[name], measures=MEASURES, epochs=3)


@pytest.mark.parametrize("name", IMAGE_LAYERS)
def test_layers_of_images(name):
    check(IMAGE_LAYERS[name], images())


def test_embedding_with_a_mask_and_lstm():
    check(lambda: [layers.Embedding(7, 3, mask_zero=True), layers.LSTM(3)], tokens())


def test_denoiser_with_redrawn_noise():
    clean = images(TRAINING_SAMPLES, channels=1)[0]
    noisy_validation, clean_validation = images(4, channels=1)[0], images(4, channels=1)[0][::-1]
    with dtype_policy("float64"):
        denoiser = tfdrop.models.DnCNN(depth=3, filters=2)
        denoiser.get_layer("denoised").dtype_policy = "float64"  # float32 in networks of any type otherwise
        denoiser.compile(optimizers.Adam(0.02), HalfSumSquaredError(dtype="float64"))
        training = denoiser_training(
            denoiser, clean, clean, 2, 7, augment=True, redrawn_sigma=25.0, seed=3,
            record=True, sample_weights=np.ones(TRAINING_SAMPLES),
        )  # fmt: skip
    validation = (noisy_validation, clean_validation), np.zeros((4, 1, 1, 1))

    def measures(model):
        errors = keras.ops.convert_to_numpy(model((noisy_validation, clean_validation)))
        return [0.5 * np.sum(np.square(errors)), 10 * np.sum(np.log10(np.mean(np.square(errors), axis=(1, 2, 3))))]

    retrained = Retrained(training, measures)
    squares = replay_influence(finished(training), validation, verbose=0)
    psnr = NegativePSNR(dtype="float64")
    pairs = (noisy_validation, clean_validation)
    decibels = replay_influence(training, pairs, psnr, model=denoiser, verbose=0)
    assert_derivatives([squares, decibels], retrained)


def test_smaller_last_batch():
    check(lambda: [*dense_layers(), layers.BatchNormalization()], measures=MEASURES, batch_size=4)
