"""A batch without samples passes through every layer, as it does through Keras's own, in training too."""

import drop_models
import keras
import numpy as np
import pytest
from keras import ops
from programs import run_on_jax

import tfdrop
from tfdrop.data.augmentation.dihedral import RandomDihedral
from tfdrop.data.augmentation.flip import RandomHorizontalFlip
from tfdrop.data.augmentation.lighting import RandomLighting
from tfdrop.data.augmentation.resized_crop import RandomResizedCrop
from tfdrop.data.augmentation.shift import RandomShift

LAYERS = {
    **drop_models.LAYERS,
    "ScheduledDropout": lambda **more: tfdrop.layers.ScheduledDropout(0.3, **more),
    "ScheduledDropout of maps": lambda **more: tfdrop.layers.ScheduledDropout(0.3, spatial=True, **more),
    "SelectScale after pooling": lambda **more: tfdrop.layers.SelectScale(0.3, pool_size=2, **more),
    "Selectout by averages": lambda **more: tfdrop.layers.Selectout(0.1, pool_size="global", **more),
    "FocusedDropout in every batch": lambda **more: tfdrop.layers.FocusedDropout(participation_rate=1.0, **more),
    "FocusedDropout per unit": lambda **more: tfdrop.layers.FocusedDropout(
        participation_rate=1.0, gamma_per="unit", **more
    ),
    "Participation": lambda data_format=None, **more: tfdrop.layers.Participation(0.5, **more),
}
AUGMENTATION = {
    "RandomDihedral": RandomDihedral,
    "RandomHorizontalFlip": RandomHorizontalFlip,
    "RandomLighting": RandomLighting,
    "RandomResizedCrop": lambda **more: RandomResizedCrop(5, **more),
    "RandomShift": lambda **more: RandomShift(2, **more),
}
CASES = [(make, data_format) for make in LAYERS.values() for data_format in ("channels_last", "channels_first")]
CASES += [(make, None) for make in AUGMENTATION.values()]
NAMES = [f"{name} {data_format}" for name in LAYERS for data_format in ("last", "first")] + list(AUGMENTATION)


def check(make, data_format):
    """Trains a layer on a batch without samples, then on one with some: eagerly and compiled, with its gradient.

    On JAX, whose eager operations are each compiled on their own, only as a compiled function.
    """
    arguments = {"seed": 1} | ({"data_format": data_format} if data_format else {})
    empty = np.zeros((0, 5, 5, 3), "float32")
    for run in (compiled_jax_gradient,) if keras.backend.backend() == "jax" else (eager_gradient, compiled_gradient):
        layer = make(**arguments)
        layer.build(empty.shape)
        outputs, gradient = run(layer, empty)
        assert outputs.shape == gradient.shape == empty.shape
        assert layer(empty).shape == empty.shape
        assert layer.step == 1
        assert all(np.isfinite(ops.convert_to_numpy(weight)).all() for weight in layer.weights)
        outputs, _ = run(layer, np.ones((2, 5, 5, 3), "float32"))
        assert outputs.shape == (2, 5, 5, 3)
        assert np.isfinite(ops.convert_to_numpy(outputs)).all()
        assert layer.step == 2


def eager_gradient(layer, inputs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        inputs = tf.convert_to_tensor(inputs)
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    return outputs, tape.gradient(outputs, inputs)


def compiled_gradient(layer, inputs):
    import tensorflow as tf

    return tf.function(lambda inputs: eager_gradient(layer, inputs))(inputs)


def compiled_jax_gradient(layer, inputs):
    import jax

    def forward(inputs, state):
        outputs, state = layer.stateless_call([], state, inputs, training=True)
        return outputs.sum(), (outputs, state)

    variables = layer.non_trainable_variables
    gradient, (outputs, state) = jax.jit(jax.grad(forward, has_aux=True))(inputs, [v.value for v in variables])
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)
    return outputs, gradient


@pytest.mark.parametrize(("make", "data_format"), CASES, ids=NAMES)
def test_a_batch_without_samples(make, data_format):
    check(make, data_format)


SCRIPT = """
import sys
sys.path += ["tests", "tests/layers"]
import test_empty_batches as tests
for name, case in zip(tests.NAMES, tests.CASES, strict=True):
    if not name.endswith("first"):
        print(name, flush=True)
        tests.check(*case)
assert sys.modules["tensorflow"] is None
"""


def test_a_batch_without_samples_on_jax(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    finished = run_on_jax(tmp_path / "script.py")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines() == [name for name in NAMES if not name.endswith("first")]
