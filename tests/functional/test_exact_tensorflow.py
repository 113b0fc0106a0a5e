"""Operations with exact derivatives: of the same values as TensorFlow's, and beside differences by NumPy."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from tfdrop.functional.exact_tensorflow import exact_operations

CASES = [
    ((3, 9, 2), 3, 1, "VALID"),
    ((2, 9, 3), [4], [3], "SAME"),
    ((3, 5, 4, 2), 3, 1, "SAME"),
    ((2, 7, 6, 3), (3, 2), (2, 1), "VALID"),
    ((2, 7, 6, 3), [1, 3, 1, 1], [1, 1, 2, 1], "VALID"),
    ((1, 5, 4, 6, 2), 2, 1, "SAME"),
    ((2, 5, 6, 4, 1), (3, 2, 1), (1, 2, 2), "VALID"),
    ((2, 6, 6, 2), 2, 2, "SAME"),
    ((2, 7, 6, 2), 2, 2, "VALID"),
    ((2, 9, 7, 3), (2, 1), (3, 2), "VALID"),
    ((2, 9, 9, 3), 3, 3, "VALID"),
    ((2, 8, 9, 3), [1, 4, 2, 1], [1, 4, 3, 1], "VALID"),
]
APART = [([2, 2], [2, 2]), ([2, 1], [3, 2]), ([3, 3], [3, 3]), ([4, 2], [4, 3])]
OVERLAPPING = [((3, 9, 2), [3], [1]), ((2, 6, 7, 3), [3, 2], [1, 2]), ((2, 4, 5, 6, 2), [3, 2, 2], [1, 2, 1])]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("shape", "windows", "steps", "padding"), CASES)
def test_maxima_are_those_of_tensorflow(shape, windows, steps, padding, known):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    spec = tf.TensorSpec(shape if known else [None] * (len(shape) - 1) + [shape[-1]], "float32")
    pooled = tf.function(lambda x: tf.nn.max_pool(x, windows, steps, padding), input_signature=[spec])
    with exact_operations():
        found = pooled(x)
    np.testing.assert_array_equal(found, tf.nn.max_pool(x, windows, steps, padding))


def maxima(x, windows, steps):
    """Max pooling without padding, by NumPy."""
    axes = tuple(range(1, x.ndim - 1))
    views = sliding_window_view(x, windows, axes)
    return views.max(axis=tuple(range(-len(windows), 0)))[(slice(None), *(slice(None, None, step) for step in steps))]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_ties_are_those_of_the_gradient(dtype):
    """Of windows with several maxima the tangent is that of the one which the gradient goes to."""
    rng = np.random.default_rng(3)
    x, direction = (tf.constant(rng.integers(-2, 3, (4, 6, 6, 3)), dtype) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        pooled = tf.nn.max_pool(x, 2, 2, "VALID")
    places = tape.gradient(pooled, x).numpy().astype("float64")
    assert set(places.ravel()) == {0, 1}
    with exact_operations(), tf.GradientTape() as outer:
        cotangent = tf.ones_like(pooled)
        outer.watch(cotangent)
        with tf.GradientTape() as tape:
            tape.watch(x)
            pooled = tf.nn.max_pool(x, 2, 2, "VALID")
        along = tf.reduce_sum(tape.gradient(pooled, x, cotangent) * direction)
        tangent = outer.gradient(along, cotangent)
    expected = (places * direction.numpy().astype("float64")).reshape(4, 3, 2, 3, 2, 3).sum((2, 4))
    np.testing.assert_array_equal(tangent.numpy().astype("float64"), expected)


@pytest.mark.parametrize(("shape", "windows", "steps"), [*OVERLAPPING, *(((2, 9, 8, 3), *sizes) for sizes in APART)])
@pytest.mark.parametrize("reverse", [False, True])
def test_derivatives_of_maxima(shape, windows, steps, reverse):
    rng = np.random.default_rng(1)
    x, direction = rng.normal(size=(2, *shape))

    @tf.function
    def reverse_over_reverse(x, direction):
        with exact_operations(), tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = tf.reduce_sum(tf.nn.max_pool(x, windows, steps, "VALID") ** 3)
            along = tf.reduce_sum(tape.gradient(total, x) * direction)
            return outer.gradient(along, x)

    @tf.function
    def derivatives(x, direction):
        with exact_operations(), tf.autodiff.ForwardAccumulator(x, direction) as forward:
            with tf.GradientTape() as tape:
                tape.watch(x)
                pooled = tf.nn.max_pool(x, windows, steps, "VALID")
                total = tf.reduce_sum(pooled**3)
            gradient = tape.gradient(total, x)
        return forward.jvp(pooled), forward.jvp(gradient)

    tangent, product = derivatives(x.astype("float32"), direction.astype("float32"))
    if reverse:
        product = reverse_over_reverse(x.astype("float32"), direction.astype("float32"))
    step = 1e-6
    ends = [maxima(x + sign * step * direction, windows, steps) for sign in (1, -1)]
    np.testing.assert_allclose(tangent, (ends[0] - ends[1]) / (2 * step), atol=1e-5)
    # Of a sum of cubes of single values, along the same direction twice.
    expected = np.sum(6 * maxima(x, windows, steps) * ((ends[0] - ends[1]) / (2 * step)) ** 2)
    assert np.sum(product * direction) == pytest.approx(expected, rel=1e-4)


def test_tangents_of_maxima_of_windows_that_lie_apart_are_without_the_operation_that_takes_long():
    """As long as TensorFlow's registry can be written to; a release where it cannot is as right, but slower."""

    def operations(context):
        """Returns those of a gradient's gradient; forward mode keeps what it has traced."""

        @tf.function
        def twice(x):
            with context, tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    total = tf.reduce_sum(tf.nn.max_pool(x, 2, 2, "VALID") ** 3)
                return outer.gradient(tape.gradient(total, x), x)

        graph = twice.get_concrete_function(tf.TensorSpec((2, 10, 6, 5))).graph.as_graph_def()
        return {node.op for part in (graph.node, *(f.node_def for f in graph.library.function)) for node in part}

    assert "MaxPoolGradGrad" not in operations(exact_operations())
    assert "MaxPoolGradGrad" in operations(contextlib.nullcontext())


def test_derivatives_of_moments():
    rng = np.random.default_rng(2)
    x, direction = rng.normal(size=(2, 4, 5)).astype("float32")

    with exact_operations(), tf.autodiff.ForwardAccumulator(x := tf.constant(x), tf.constant(direction)) as forward:
        with tf.GradientTape() as tape:
            tape.watch(x)
            mean, variance = tf.nn.moments(x, [1], keepdims=True)
            total = tf.reduce_sum((x - mean) ** 4 / variance**2)
        gradient = tape.gradient(total, x)
    found = np.sum(forward.jvp(gradient) * direction)

    def kurtosis(step):
        moved = np.asarray(x, "float64") + step * direction
        return np.sum((moved - moved.mean(1, keepdims=True)) ** 4 / moved.var(1, keepdims=True) ** 2)

    step = 1e-4
    expected = (kurtosis(step) - 2 * kurtosis(0) + kurtosis(-step)) / step**2
    assert found == pytest.approx(expected, rel=1e-3)
