"""The layers on JAX, where TensorFlow is not installed: the same masks for the same seed, the same training."""

import drop_models
import drop_references
import numpy as np
import participants
import pytest
from keras import ops
from programs import run_on_jax

SCRIPT = """
import sys
sys.path.insert(0, "tests")
import keras
import numpy as np
import drop_models, participants, tfdrop
from keras import ops

folder = sys.argv[1]
found = {}
maps = np.load(f"{folder}/maps.npy")
for name, make in drop_models.LAYERS.items():
    for data_format in ("channels_last", "channels_first"):
        layer = make(seed=12, data_format=data_format)
        found[f"{name} {data_format}"] = np.stack([ops.convert_to_numpy(layer(maps, training=True)) for _ in range(4)])

for jit_compile in (True, False):
    model = drop_models.compile_(drop_models.build("functional", drop_models.scheduled_layers()), jit_compile)
    model.set_weights([np.full(weight.shape, 0.1) if weight.trainable else weight for weight in model.weights])
    found[f"losses {jit_compile}"] = drop_models.fit(model, 2)
found["rates"] = [model.get_layer(f"drop_{index}").rate for index in (0, 1, 2, 4)]

model.save(f"{folder}/model.keras")
loaded = keras.saving.load_model(f"{folder}/model.keras")
assert drop_models.fit(loaded) == drop_models.fit(model)
assert all(np.array_equal(weight, expected) for weight, expected in zip(loaded.get_weights(), model.get_weights()))

model = participants.build(jit_compile=True)
found["decays"] = participants.take_steps(model, 12)
model.save(f"{folder}/participants.keras")
loaded = keras.saving.load_model(f"{folder}/participants.keras")
found["decays after loading"] = participants.take_steps(loaded, 12)
found |= participants.histories(loaded, 24)

layer = tfdrop.layers.SpatialScale(0.0, seed=1)
model = keras.Sequential([keras.Input((4, 4, 3)), layer, keras.layers.Dense(3, kernel_initializer="identity")])
model.compile(keras.optimizers.SGD(0.0), "mse")
changing = np.ones((4, 4, 4, 3), "float32")
found["losses while the rate changes"] = []
for rate in (0.0, 0.5, 0.0):
    layer.rate = rate
    found["losses while the rate changes"] += model.fit(changing, changing, verbose=0).history["loss"]

np.savez(f"{folder}/jax.npz", **found)
assert sys.modules["tensorflow"] is None
assert keras.backend.backend() == "jax"
"""


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(9).normal(size=(3, 7, 5, 10)).astype("float32")


@pytest.fixture(scope="module")
def on_jax(maps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    np.save(folder / "maps.npy", maps)
    (folder / "script.py").write_text(SCRIPT)
    finished = run_on_jax(folder / "script.py", folder)
    assert finished.returncode == 0, finished.stderr
    return np.load(folder / "jax.npz")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", drop_models.LAYERS)
def test_the_same_seed_gives_the_same_masks(on_jax, maps, name, data_format):
    layer = drop_models.LAYERS[name](seed=12, data_format=data_format)
    outputs = np.stack([ops.convert_to_numpy(layer(maps, training=True)) for _ in range(4)])
    assert (outputs != maps).any()
    np.testing.assert_array_equal(on_jax[f"{name} {data_format}"] == 0, outputs == 0)
    np.testing.assert_allclose(on_jax[f"{name} {data_format}"], outputs, rtol=1e-6)


def test_a_compiled_fit_is_the_same(on_jax):
    model = drop_models.build("functional", drop_models.scheduled_layers())
    model.set_weights(
        [np.full(weight.shape, 0.1) if weight.trainable else np.array(weight) for weight in model.weights]
    )
    losses = drop_models.fit(model, 2)
    np.testing.assert_allclose(on_jax["losses True"], losses, rtol=1e-5)
    np.testing.assert_allclose(on_jax["losses False"], losses, rtol=1e-5)
    np.testing.assert_allclose(on_jax["rates"], 0.2, rtol=1e-6)


def test_layers_and_decay_see_the_same_coin(on_jax):
    coins = [drop_references.noise(participants.SEED, step, ()) < participants.RATE for step in range(24)]
    decays = np.concatenate([on_jax["decays"], on_jax["decays after loading"]])
    np.testing.assert_allclose(decays, np.where(coins, participants.MAGNIFIED, participants.DECAY), rtol=1e-4)
    np.testing.assert_array_equal(on_jax["short"], coins)
    np.testing.assert_array_equal(on_jax["long"], coins)


def test_a_rate_changed_after_the_first_fit_takes_effect(on_jax):
    losses = on_jax["losses while the rate changes"]
    assert losses[0] == losses[2] == 0
    assert losses[1] > 0.01
