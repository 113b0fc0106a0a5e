"""A saved model loads in a new process after any import of tfdrop, whichever of Keras and tfdrop comes first."""

import json
import os
import pkgutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from drop_models import LAYERS, images
from programs import ROOT

import tfdrop
from tfdrop import registration

LOADING = """
import json, sys
{first_import}
import keras
import numpy as np
model = keras.models.load_model(sys.argv[1])
print(json.dumps([weight.tolist() for weight in model.get_weights()]))
"""
CALLING = """
import json, sys
import tfdrop
import keras
import numpy as np
model, images = keras.models.load_model(sys.argv[1]), np.load(sys.argv[2])
rebuilt = keras.Sequential.from_config(model.get_config())
rebuilt.load_weights(sys.argv[3])
print(json.dumps([np.asarray(each(images)).tolist() for each in (model, rebuilt)]))
"""
SERVING = """
import json, sys
import numpy as np
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1])
print(json.dumps(served.serve(tf.constant(np.load(sys.argv[2]))).numpy().tolist()))
assert "tfdrop" not in sys.modules
"""
IMPORTS = ("import tfdrop.layers", "from tfdrop import layers", "import keras, tfdrop")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a trained model that has every kind of class that Keras may have to find, and its outputs."""
    folder = tmp_path_factory.mktemp("models")
    x, y = images()
    model = _with_everything()
    model.compile("sgd", tfdrop.losses.HalfSumSquaredError())
    model.fit(x, np.eye(3, dtype="float32")[y], verbose=0)
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    np.save(folder / "images.npy", x)
    return folder, np.asarray(model(x))


def _with_everything():
    """Every drop layer, the README's FocusedDropout example, and rates that a schedule gives."""
    participation = tfdrop.layers.Participation(0.5)
    decay = tfdrop.layers.MagnifiedWeightDecay(participation, 5e-4, magnified=1e-3)
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            participation,
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer=decay),
            *(make() for make in LAYERS.values()),
            tfdrop.layers.SelectScale(tfdrop.schedules.linear(0.0, 0.9, steps=100), top_rate=0.2),
            tfdrop.layers.ScheduledDropout(tfdrop.schedules.linear(0.0, 0.5, steps=100)),
            tfdrop.layers.FocusedDropout(participation_rate=participation),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )


def _run(backend, script, *arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.parametrize("first_import", IMPORTS)
def test_a_model_loads_after_any_import(saved, first_import):
    finished = _run("jax", LOADING.format(first_import=first_import), saved[0] / "model.keras")
    assert finished.returncode == 0, finished.stderr
    weights = json.loads(finished.stdout.splitlines()[-1])
    for weight, expected in zip(weights, keras.models.load_model(saved[0] / "model.keras").get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected)


def test_a_loaded_model_and_loaded_weights_compute_the_same(saved):
    folder, expected = saved
    finished = _run("tensorflow", CALLING, folder / "model.keras", folder / "images.npy", folder / "model.weights.h5")
    assert finished.returncode == 0, finished.stderr
    for outputs in json.loads(finished.stdout.splitlines()[-1]):
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_without_tfdrop_keras_says_what_it_cannot_find(saved):
    finished = _run("jax", LOADING.format(first_import=""), saved[0] / "model.keras")
    assert finished.returncode == 1
    assert "TypeError: Could not locate class" in finished.stderr
    assert "tfdrop>" in finished.stderr


def test_an_exported_model_needs_no_tfdrop(saved):
    folder, expected = saved
    keras.models.load_model(folder / "model.keras").export(folder / "exported", verbose=False)
    finished = _run("tensorflow", SERVING, folder / "exported", folder / "images.npy")
    assert finished.returncode == 0, finished.stderr
    np.testing.assert_allclose(json.loads(finished.stdout.splitlines()[-1]), expected, rtol=1e-5, atol=1e-6)


def test_every_module_with_a_registered_class_is_listed():
    """A class that somebody adds and does not list would be lost in a new process."""
    found = set()
    for module in pkgutil.walk_packages(tfdrop.__path__, "tfdrop."):
        source = ROOT.joinpath(*module.name.split("."))
        path = source / "__init__.py" if module.ispkg else source.with_suffix(".py")
        if "@keras.saving.register_keras_serializable(" in path.read_text():
            found.add(module.name)
    assert found == set(registration.MODULES)


def test_importing_tfdrop_alone_does_not_import_keras():
    script = "import sys, tfdrop, tfdrop.data.images.grey; assert 'keras' not in sys.modules"
    assert _run("jax", script).returncode == 0
