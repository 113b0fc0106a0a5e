"""Float64 throughout a model that was built in float32, on TensorFlow and on JAX, against NumPy."""

import json
from pathlib import Path

import keras
import normalization_in_double
import numpy as np
import pytest
from normalization_in_double import BETA, EPSILON, GAMMA, LAYERS, X
from programs import run_on_jax

from tfdrop.functional.double_precision import computing_in


def check(outputs, name):
    axes = (0, 1, 2) if name == "BatchNormalization" else (3,)
    centred = X - X.mean(axes, keepdims=True)
    expected = centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + EPSILON) * GAMMA + BETA
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_normalization_on_tensorflow(name):
    check(normalization_in_double.outputs(name), name)


def test_normalization_on_jax():
    """Outside of the context Keras's operations on JAX make float32 of float64, before and after."""
    finished = run_on_jax(Path(normalization_in_double.__file__))
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    assert found.pop("type outside") == "float32"
    assert set(found) == set(LAYERS)
    for name, outputs in found.items():
        check(outputs, name)


def sequential(*layers):
    return keras.Sequential([keras.Input((3,)), *layers])


def functional(*layers):
    inputs = outputs = keras.Input((3,))
    for layer in layers:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("outer", [sequential, functional])
@pytest.mark.parametrize("inner", [sequential, functional, lambda *layers: keras.Sequential(layers)])
def test_models_inside_models_do_not_round(outer, inner):
    x = np.random.default_rng(0).normal(size=(4, 3))
    model = outer(keras.layers.Activation("linear"), inner(keras.layers.Activation("linear")))
    types = [layer.dtype for layer in model._flatten_layers()]
    with computing_in(model, "float64"):
        np.testing.assert_array_equal(model(keras.ops.convert_to_tensor(x, "float64")), x)
    assert [layer.dtype for layer in model._flatten_layers()] == types
    assert model(x).dtype == "float32"
