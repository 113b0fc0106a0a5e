"""Prints what layers that normalize make, in float64, of random features, on whatever backend runs it."""

import contextlib
import json

import keras
import numpy as np

from tfdrop.functional.double_precision import computing_in, variables_at

RNG = np.random.default_rng(0)
X, GAMMA, BETA = RNG.normal(size=(5, 4, 4, 3)), RNG.normal(1, 0.1, 3), RNG.normal(size=3)
EPSILON = 1e-3
LAYERS = ("BatchNormalization", "LayerNormalization")


def outputs(name):
    """Returns the outputs, in training, of a layer that was built in float32."""
    model = keras.Sequential([keras.Input(X.shape[1:]), getattr(keras.layers, name)(epsilon=EPSILON)])
    with _allowing_float64():
        values = [keras.ops.convert_to_tensor(value, "float64") for value in (GAMMA, BETA)]
        with computing_in(model, "float64"), variables_at(model.trainable_variables, values):
            return np.asarray(model(keras.ops.convert_to_tensor(X, "float64"), training=True))


def _allowing_float64():
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    from tfdrop.training.backward_jax import enable_x64

    return enable_x64(True)


if __name__ == "__main__":
    found = {name: outputs(name).tolist() for name in LAYERS}
    print(json.dumps(found | {"type outside": keras.backend.result_type("float64", "float32")}))
