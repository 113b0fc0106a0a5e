"""The same training on both backends, and in 16 bits, has the same scores as far as rounding goes."""

import keras
import numpy as np
import pytest
from keras import layers
from programs import ROOT, run_on_jax
from trainings import TRAINING_SAMPLES, finished, images, momentum, small_training, validation_of

import tfdrop
from tfdrop.influence import replay_influence
from tfdrop.training import Training

OPTIMIZERS = ("momentum", "adam")
DATA = images(dtype="float32")


def smooth_layers():
    return [
        layers.Conv2D(4, 3, activation="gelu"),
        layers.BatchNormalization(),
        layers.Conv2D(4, 3, activation="gelu"),
        tfdrop.layers.SpatialScale(0.6),
    ]


def replayed(folder):
    """Returns the scores for a saved model trained with each optimizer: run on both backends."""
    x, y = DATA
    train, found = (x[:TRAINING_SAMPLES], y[:TRAINING_SAMPLES]), {}
    for name in OPTIMIZERS:
        model = keras.saving.load_model(folder / "model.keras")
        optimizer = keras.optimizers.Adam(0.003) if name == "adam" else keras.optimizers.SGD(0.02, momentum=0.9)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        training = finished(Training(model, optimizer, loss, train, 7, 2, 3, record=True))
        found[name] = replay_influence(training, validation_of(DATA), "expected_error", verbose=0).scores
    return found


SCRIPT = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests" / "influence")!r}]
import numpy as np
from test_replay_backends import replayed
folder = Path(sys.argv[1])
np.savez(folder / "jax.npz", **replayed(folder))
assert sys.modules["tensorflow"] is None
"""


def test_jax_finds_the_same(tmp_path):
    small_training(smooth_layers, DATA, dtype="float32", record=False).model.save(tmp_path / "model.keras")
    (tmp_path / "script.py").write_text(SCRIPT)
    finished_run = run_on_jax(tmp_path / "script.py", tmp_path)
    assert finished_run.returncode == 0, finished_run.stderr
    on_jax = np.load(tmp_path / "jax.npz")
    for name, scores in replayed(tmp_path).items():
        np.testing.assert_allclose(on_jax[name], scores, atol=1e-3 * np.abs(scores).max(), err_msg=name)


def in_16_bits(make_layers, dtype="mixed_bfloat16"):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return finished(small_training(make_layers, DATA, lambda: momentum(0.02), dtype=dtype, loss=loss))


def test_16_bits_find_the_same():
    """Both the training and the states that it is replayed from are rounded to three digits."""
    one, two = (in_16_bits(smooth_layers, dtype) for dtype in ("float32", "mixed_bfloat16"))
    for measure in ("loss", "expected_error"):
        scores, rounded = (
            replay_influence(each, validation_of(DATA), measure, verbose=0).scores for each in (one, two)
        )
        assert np.linalg.norm(rounded - scores) < 0.02 * np.linalg.norm(scores)


@pytest.mark.parametrize("layer", [lambda: layers.Dropout(0.4), lambda: layers.GaussianNoise(1.0)])
def test_keras_layers_draw_in_float32_what_they_drew_in_16_bits(layer):
    """Their masks depend on the type that they draw in: a step that is walked back has those of the training."""
    training = in_16_bits(lambda: [layers.Conv2D(4, 3, activation="gelu"), layer()])
    backward, record = training.backward(), training.record
    for step in range(training.steps):
        before, expected = record.state(step), record.state(step + 1)
        cotangent = replay_start(training)
        *_, after = backward.backward(before, training.batch(step), np.ones(7, "float32"), cotangent)
        for start, one, two in zip(before.weights, after.weights, expected.weights, strict=True):
            assert np.linalg.norm(one - two) < 0.1 * np.linalg.norm(two - start)


def replay_start(training):
    from tfdrop.influence.replay.measured import measured

    return measured(training, validation_of(DATA), "loss", 64, 0)[1]
