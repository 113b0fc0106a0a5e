"""Layers whose masks TensorFlow computes in one kernel inside a graph have there what they have outside of one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdrop.layers import DropBlock2D
from tfdrop.layers.fused import fused


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    ("data_format", "shape", "signature"),
    [
        ("channels_last", (3, 9, 11, 5), (None, 9, 11, 5)),
        ("channels_last", (2, 4, 13, 3), (2, None, None, 3)),
        ("channels_first", (2, 6, 8, 7), (None, 6, None, None)),
        ("channels_last", (0, 9, 8, 2), (None, 9, 8, 2)),
    ],
)
def test_a_compiled_step_drops_the_same_blocks(dtype, data_format, shape, signature):
    maps = np.random.default_rng(0).normal(size=shape).astype("float32")
    layers = [DropBlock2D(0.3, 5, data_format=data_format, seed=3, dtype=dtype) for _ in range(2)]
    compiled = tf.function(lambda x: layers[0](x, training=True), input_signature=[tf.TensorSpec(signature, "float32")])
    for _ in range(2):
        found, expected = compiled(maps), layers[1](maps, training=True)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    if shape[0]:
        assert (found.numpy() == 0).any()
        assert (found.numpy() != 0).any()


def test_in_a_graph_xla_compiles_it():
    layer = DropBlock2D(0.3, 3, seed=1)
    maps = tf.TensorSpec((None, 8, 8, 2), "float32")
    graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(maps)
    called = [function.attr for function in graph.graph.as_graph_def().library.function]
    assert any(attributes["_XlaMustCompile"].b for attributes in called if "_XlaMustCompile" in attributes)


def test_gradients_and_tangents_pass_a_layer_with_such_a_mask():
    """A dropped unit has none, a kept one its factor."""
    maps = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype("float32")
    layer = DropBlock2D(0.3, 3, seed=5)

    @tf.function
    def derivatives(x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator, tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y / x, tape.gradient(y, x), accumulator.jvp(y)

    factors, gradient, tangent = (each.numpy() for each in derivatives(tf.constant(maps)))
    np.testing.assert_allclose(gradient, factors, rtol=1e-6)
    np.testing.assert_array_equal(tangent, gradient)


def test_a_network_trains_by_fit():
    model = keras.Sequential([keras.Input((8, 8, 2)), DropBlock2D(0.2, 3, seed=1), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse")
    history = model.fit(np.ones((10, 8, 8, 2)), np.ones((10, 1)), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.layers[0].step == 6


def test_without_xla_the_function_stays_as_it_is(monkeypatch):
    monkeypatch.setattr("tfdrop.layers.fused._has_xla", lambda: False)
    outside = []
    double = fused(lambda x, times: outside.append(x) or times * x)
    assert float(tf.function(lambda x: double(x, times=2))(tf.constant(3.0))) == 6
    assert len(outside) == 1
