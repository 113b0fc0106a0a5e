"""Trainings in bfloat16 are walked back in float32, from the states that they went through."""

import keras
import numpy as np
import pytest
from trainings import finished, images, momentum, small_training, validation_of

from tfdrop.influence import replay_influence
from tfdrop.influence.replay.measured import measured
from tfdrop.training import Training


def scores(policy):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(74, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 74)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    parts = [layers.Conv2D(8, 3, dtype=policy), layers.BatchNormalization(dtype=policy)]
    parts += [layers.Activation("gelu", dtype=policy), layers.Flatten(dtype=policy), layers.Dense(3, dtype="float32")]
    model = keras.Sequential([keras.Input((6, 6, 2)), *parts])
    optimizer, loss = keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(True)
    training = Training(model, optimizer, loss, (x[:60], y[:60]), batch_size=10, epochs=3, record=True)
    for _ in training.dispatches():
        pass
    return replay_influence(training, (x[60:], y[60:]), "expected_error", verbose=0).scores


def test_scores_are_nearly_those_of_a_training_in_float32():
    exact, rounded = scores("float32"), scores("mixed_bfloat16")
    off = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 1e-6 < off < 0.05  # 0.012 where it was measured
    assert np.corrcoef(exact, rounded)[0, 1] > 0.999


@pytest.mark.parametrize("layer", [lambda: keras.layers.Dropout(0.4), lambda: keras.layers.GaussianNoise(1.0)])
def test_keras_layers_draw_what_they_drew_in_16_bits(layer):
    """Their draws depend on the type that they draw in: a step that is walked back has those of the training."""
    data, loss = images(dtype="float32"), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    training = small_training(
        lambda: [keras.layers.Conv2D(4, 3, activation="gelu"), layer()], data, lambda: momentum(0.02),
        dtype="mixed_bfloat16", loss=loss,
    )  # fmt: skip
    backward, record = finished(training).backward(), training.record
    _, cotangent = measured(training, None, validation_of(data), "loss", 64, 0)
    for step in range(training.steps):
        before, expected = record.state(step), record.state(step + 1)
        *_, after = backward.backward(before, training.batch(step), np.ones(7, "float32"), cotangent)
        for start, one, two in zip(before.weights, after.weights, expected.weights, strict=True):
            assert np.linalg.norm(one - two) < 0.1 * np.linalg.norm(two - start)
