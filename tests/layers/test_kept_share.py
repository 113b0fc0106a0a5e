"""FocusedDropout's kept share: the mean over the samples of all batches that took part in an epoch."""

import drop_references
import keras
import numpy as np
import pytest
from programs import run_on_jax

import tfdrop

SEED, RATE, BATCH, EPOCHS = 11, 0.5, 6, 3


def maps():
    """Positive maps, so that a zero is a unit that was dropped; the last of four batches is smaller."""
    return np.random.default_rng(1).uniform(0.01, 1, size=(22, 5, 4, 3)).astype("float32")


def fit(jit_compile, epochs=EPOCHS, callbacks=True):
    """Trains compiled. Returns the layer, and the kept share that each epoch logs."""
    layer = tfdrop.layers.FocusedDropout(participation_rate=RATE, seed=SEED, data_format="channels_last", name="focus")
    model = keras.Sequential([keras.Input((5, 4, 3)), layer, keras.layers.GlobalAveragePooling2D()])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    callbacks = [tfdrop.layers.RateLogger()] if callbacks else []
    fitted = model.fit(
        maps(), np.zeros(22), batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )
    return layer, fitted.history.get("focus/kept_share")


def expected():
    """The kept shares of each epoch's participating samples, from the NumPy reference."""
    batches = [maps()[first : first + BATCH] for first in range(0, 22, BATCH)]
    epochs, step = [], 0
    for _ in range(EPOCHS):
        shares = []
        for batch in batches:
            if drop_references.noise(SEED, step, ()) < RATE:
                outputs = drop_references.focused_dropout(batch, "channels_last", SEED, step)
                shares += [np.mean(sample != 0) for sample in outputs]
            step += 1
        epochs.append(shares)
    return epochs


@pytest.mark.parametrize("jit_compile", [False, True])
def test_is_the_mean_over_the_epoch(jit_compile):
    layer, logged = fit(jit_compile)
    shares = expected()
    # Of each epoch several batches take part, in one the smaller one too: neither the last batch's share nor the mean
    # of the batches' means would do.
    assert all(shares)
    assert len({len(each) for each in shares}) > 1
    np.testing.assert_allclose(logged, [np.mean(each) for each in shares], rtol=1e-6)
    assert layer.kept_share == logged[-1]


def test_without_a_reset_it_is_the_mean_over_all_epochs():
    layer, _ = fit(False, callbacks=False)
    assert layer.kept_share == pytest.approx(np.mean(np.concatenate(expected())), rel=1e-6)
    layer.reset_kept_share()
    assert layer.kept_share is None


def test_an_epoch_in_which_no_batch_takes_part_has_none():
    layer = tfdrop.layers.FocusedDropout(participation_rate=0.0, name="focus")
    model = keras.Sequential([keras.Input((5, 4, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fitted = model.fit(maps(), np.zeros(22), verbose=0, callbacks=[tfdrop.layers.RateLogger()])
    assert layer.kept_share is None
    assert np.isnan(fitted.history["focus/kept_share"]).all()


def test_survives_saving_in_the_middle_of_an_epoch(tmp_path):
    layer, _ = fit(False, epochs=1)
    model = keras.Sequential([keras.Input((5, 4, 3)), layer])
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").layers[0].kept_share == layer.kept_share


def test_on_jax(tmp_path):
    script = f"""
import sys
sys.path += ["tests", "tests/layers"]
import numpy as np
import test_kept_share
_, logged = test_kept_share.fit(True)
np.save({str(tmp_path / "logged.npy")!r}, logged)
assert sys.modules["tensorflow"] is None
"""
    (tmp_path / "script.py").write_text(script)
    finished = run_on_jax(tmp_path / "script.py")
    assert finished.returncode == 0, finished.stderr
    np.testing.assert_allclose(np.load(tmp_path / "logged.npy"), [np.mean(each) for each in expected()], rtol=1e-6)
