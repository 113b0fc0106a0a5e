"""Fused batch normalization beside Keras's own and beside NumPy in float64."""

import contextlib
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdrop.functional.fused_tensorflow import fused_batch_normalization


def operations(function, *arguments):
    """Returns the types of a traced function's operations."""
    return {operation.type for operation in function.get_concrete_function(*arguments).graph.get_operations()}


def taken(layer, x, factors, fused):
    """Returns outputs, gradients of `sum(factors * outputs)`, and the next moving statistics; and whether one
    operation did it."""

    @tf.function
    def take(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            total = tf.reduce_sum(tf.cast(outputs, "float32") * factors)
        return outputs, tape.gradient(total, [x, *(weight.value for weight in layer.trainable_variables)])

    if fused:
        with fused_batch_normalization():
            found = take(x)
    else:
        found = take(x)
    moving = [variable.numpy() for variable in layer.non_trainable_variables]
    return [tf.cast(each, "float32").numpy() for each in tf.nest.flatten(found)] + moving, operations(take, x)


def layer_and_batch(shape, seed=0, **arguments):
    rng = np.random.default_rng(seed)
    layer = keras.layers.BatchNormalization(**arguments)
    layer.build((None, *shape[1:]))
    layer.set_weights([rng.uniform(0.5, 2, each.shape) for each in layer.get_weights()])
    x = rng.normal(3, 2, shape).astype("float32")
    return layer, x, rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((5, 4, 3, 6), {}),
        ((2, 7, 1, 1), {"momentum": 0.5, "epsilon": 0.1}),
        ((1, 1, 1, 3), {}),
        ((3, 2, 2, 4), {"scale": False}),
        ((3, 2, 2, 4), {"center": False}),
        ((3, 2, 2, 4), {"scale": False, "center": False, "axis": 3}),
    ],
)
def test_same_as_keras(shape, arguments):
    layer, x, factors = layer_and_batch(shape, **arguments)
    weights = layer.get_weights()
    expected, plain = taken(layer, tf.constant(x), factors, fused=False)
    layer.set_weights(weights)
    found, one = taken(layer, tf.constant(x), factors, fused=True)
    assert "FusedBatchNormV3" in one
    assert "FusedBatchNormV3" not in plain
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def test_statistics_and_gradients_by_numpy():
    layer, x, factors = layer_and_batch((4, 3, 5, 2), seed=1, momentum=0.7, epsilon=0.01)
    gamma, beta, mean, variance = (each.astype("float64") for each in layer.get_weights())
    (outputs, by_x, by_gamma, by_beta, *moving), _ = taken(layer, tf.constant(x), factors, fused=True)
    axes = (0, 1, 2)
    wide = x.astype("float64")
    deviations = (wide - wide.mean(axes)) / np.sqrt(wide.var(axes) + 0.01)
    np.testing.assert_allclose(outputs, gamma * deviations + beta, atol=1e-5)
    np.testing.assert_allclose(moving[0], 0.7 * mean + 0.3 * wide.mean(axes), rtol=1e-5)
    np.testing.assert_allclose(moving[1], 0.7 * variance + 0.3 * wide.var(axes), rtol=1e-5)
    np.testing.assert_allclose(by_beta, factors.sum(axes), atol=1e-4)
    np.testing.assert_allclose(by_gamma, (factors * deviations).sum(axes), atol=1e-4)
    centred = factors - factors.mean(axes) - deviations * (factors * deviations).mean(axes)
    np.testing.assert_allclose(by_x, gamma / np.sqrt(wide.var(axes) + 0.01) * centred, atol=1e-4)


def test_a_small_epsilon_is_not_raised():
    layer, x, factors = layer_and_batch((4, 3, 5, 2), epsilon=1e-5)
    gamma, beta, *_ = layer.get_weights()
    x = (x - x.mean()) * 1e-3  # a variance below epsilon
    (outputs, *_), _ = taken(layer, tf.constant(x), factors, fused=True)
    wide = x.astype("float64")
    expected = gamma * (wide - wide.mean((0, 1, 2))) / np.sqrt(wide.var((0, 1, 2)) + 1e-5) + beta
    np.testing.assert_allclose(outputs, expected, rtol=2e-5)  # 1.001e-5 would be off by 4e-4 of gamma's part


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_in_half_precision_no_further_off_than_keras(dtype):
    layer, x, factors = layer_and_batch((8, 6, 6, 3), seed=2, dtype=dtype)
    x = tf.cast(x, dtype.removeprefix("mixed_"))
    weights = layer.get_weights()
    exact, _, _ = layer_and_batch((8, 6, 6, 3), seed=2)
    expected, _ = taken(exact, tf.cast(x, "float32"), factors, fused=False)
    theirs, _ = taken(layer, x, factors, fused=False)
    layer.set_weights(weights)
    ours, one = taken(layer, x, factors, fused=True)
    assert "FusedBatchNormV3" in one
    for own, other, right in zip(ours, theirs, expected, strict=True):
        assert np.abs(own - right).max() <= 1.5 * np.abs(other - right).max() + 1e-5
    np.testing.assert_allclose(ours[-2:], expected[-2:], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_moving_statistics_in_half_precision_move_as_those_of_keras(dtype):
    shape, steps = (4, 3, 3, 2), 40
    moved = []
    for fused in (False, True):
        layer, x, _ = layer_and_batch(shape, seed=6, dtype=dtype)
        function = tf.function(lambda x, layer=layer: layer(x, training=True))
        with fused_batch_normalization() if fused else contextlib.nullcontext():
            assert ("FusedBatchNormV3" in operations(function, tf.cast(x, dtype))) == fused
        for _ in range(steps):
            function(tf.cast(x, dtype))
        moved.append([np.asarray(each.numpy(), "float64") for each in layer.non_trainable_variables])
    for theirs, ours in zip(*moved, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2 * np.finfo(np.float16).eps if dtype == "float16" else 2**-7)


class Shifted(keras.layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask) + 1


@pytest.mark.parametrize(
    ("shape", "make", "training"),
    [
        ((4, 3, 3, 2), keras.layers.BatchNormalization, False),
        ((4, 3), keras.layers.BatchNormalization, True),
        ((4, 3, 2), keras.layers.BatchNormalization, True),
        ((4, 3, 3, 2), lambda: keras.layers.BatchNormalization(axis=1), True),
        ((4, 3, 3, 2), lambda: keras.layers.BatchNormalization(dtype="float64"), True),
        ((4, 3, 3, 2), lambda: keras.layers.BatchNormalization(trainable=False), True),
        ((4, 3, 3, 2), lambda: keras.layers.BatchNormalization(synchronized=True), True),
        ((4, 3, 3, 2), lambda: keras.layers.BatchNormalization(dtype="mixed_bfloat16", autocast=False), True),
        ((4, 3, 3, 2), Shifted, True),
    ],
)
def test_elsewhere_the_layer_is_as_it_was(shape, make, training):
    layer = make()
    x = np.random.default_rng(3).normal(size=shape).astype("float32")
    layer.build((None, *shape[1:]))
    weights = layer.get_weights()
    expected = layer(x, training=training).numpy()
    layer.set_weights(weights)
    function = tf.function(lambda x: layer(x, training=training))
    with fused_batch_normalization():
        found = function(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert "FusedBatchNormV3" not in operations(function, x)


@pytest.mark.skipif(not hasattr(keras.layers.BatchNormalization(), "renorm"), reason="This Keras has no renorm")
def test_renormalization_is_left_alone():
    found = []
    for fused in (False, True):
        layer, x, factors = layer_and_batch((4, 3, 3, 2), renorm=True)
        values, used = taken(layer, tf.constant(x), factors, fused)
        assert "FusedBatchNormV3" not in used
        found.append(values)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_keras_without_renormalization():
    layer, x, _ = layer_and_batch((4, 3, 3, 2))
    if hasattr(layer, "renorm"):
        del layer.renorm
    with fused_batch_normalization():
        assert layer(x, training=True).shape == x.shape


def test_a_shape_that_is_not_known():
    layer, x, _factors = layer_and_batch((4, 3, 3, 2))
    weights = layer.get_weights()
    expected = layer(x, training=True).numpy()
    layer.set_weights(weights)
    function = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None] * 4, "float32")])
    with fused_batch_normalization():
        found = function(x)
    assert "FusedBatchNormV3" in operations(function)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_another_thread_is_left_alone_and_waits_with_its_own():
    plain = keras.layers.BatchNormalization.call
    layer, x, _ = layer_and_batch((4, 3, 3, 2))
    entered, seen = threading.Event(), []

    def other():
        function = tf.function(lambda x: layer(x, training=True))
        seen.append("FusedBatchNormV3" in operations(function, tf.constant(x)))
        entered.set()
        with fused_batch_normalization():
            seen.append(keras.layers.BatchNormalization.call is not plain)

    thread = threading.Thread(target=other)
    with fused_batch_normalization():
        thread.start()
        assert entered.wait(60)
    thread.join(60)
    assert seen == [False, True]
    assert keras.layers.BatchNormalization.call is plain


def test_a_mask_is_respected():
    layer = keras.layers.BatchNormalization()
    x = np.random.default_rng(4).normal(size=(3, 4, 4, 2)).astype("float32")
    mask = np.ones((3, 4, 4), bool)
    mask[:, 2:] = False
    expected = layer(x, training=True, mask=mask).numpy()
    with fused_batch_normalization():
        found = layer(x, training=True, mask=mask)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_error_inside_puts_the_layer_back():
    plain = keras.layers.BatchNormalization.call
    with pytest.raises(RuntimeError), fused_batch_normalization():
        raise RuntimeError
    assert keras.layers.BatchNormalization.call is plain


def test_a_training_uses_it_and_ends_where_keras_ends():
    from tfdrop.training import Training

    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(24, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 24)

    def ended(jit_compile):
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Conv2D(4, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()]
        model = keras.Sequential([keras.Input((6, 6, 2)), *layers, keras.layers.Flatten(), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        run = Training(model, keras.optimizers.SGD(0.05), loss, (x, y), 8, 3, 0, jit_compile=jit_compile)
        for _ in run.dispatches():
            pass
        train, _, places = run._compiled.arrays.holding(np.zeros((2, 8), int), None)
        graph = run._compiled._compiled.get_concrete_function(train, tf.constant(places, "int32"), None).graph
        return model.get_weights(), "FusedBatchNormV3" in str(graph.as_graph_def())

    found, fused = ended(jit_compile=False)
    expected, other = ended(jit_compile=True)  # XLA: Keras's own operations
    assert fused
    assert not other
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
