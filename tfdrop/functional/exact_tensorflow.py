"""Operations whose derivatives are right to the second order, on TensorFlow, in the place of two that are not.

`tf.nn.moments` holds the mean fixed inside the variance. The variance's first derivative does not notice, as deviations
sum to zero; its second derivative does, and with it those of every layer that normalizes by statistics of its input.

`tf.nn.max_pool` loses tangents of forward mode, or finds numbers that stood in memory, where windows overlap: on some
batches and in some models, so that a check on one batch is none. Where they lie apart its tangents are right, but take
several times as long on processors as its gradients: a sum over windows takes their place.
"""

import contextlib
import importlib
import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

CHANNELS_LAST = (None, "NWC", "NHWC", "NDHWC")


@contextlib.contextmanager
def exact_operations() -> Iterator[None]:
    """Let what is traced inside the context compute moments and maxima, of the same values, with all derivatives."""
    moments, max_pool = tf.nn.moments, tf.nn.max_pool

    def exact_max_pool(x, ksize, strides, padding, data_format=None, name=None):
        windows, steps = (_sides(sizes, len(x.shape)) for sizes in (ksize, strides))
        overlap = any(window > step for window, step in zip(windows, steps, strict=True))
        if not overlap or not isinstance(padding, str) or data_format not in CHANNELS_LAST:
            return max_pool(x, ksize, strides, padding, data_format, name)
        return _maxima(x, windows, steps, padding)

    tf.nn.moments, tf.nn.max_pool = _moments, exact_max_pool
    try:
        with _cheap_tangents_of_maxima():
            yield
    finally:
        tf.nn.moments, tf.nn.max_pool = moments, max_pool


@contextlib.contextmanager
def _cheap_tangents_of_maxima() -> Iterator[None]:
    """Lets what is linear in the gradient of max pooling be traced as `_sum_of_maxima`.

    TensorFlow has one such rule and no way to give another to some operations, so that it is replaced in its registry.
    What forward mode has traced it keeps for equal shapes, so that either rule may be used later: they differ by
    rounding.
    """
    try:
        entry = importlib.import_module("tensorflow.python.framework.ops").gradient_registry._registry["MaxPoolGrad"]
        before = entry["type"]
    except (ImportError, AttributeError, KeyError):  # another release; its own rule takes longer
        entry, before = {}, None

    def rule(op: Any, tangent: tf.Tensor) -> tuple[None, None, tf.Tensor]:
        windows, steps = (op.get_attr(name) for name in ("ksize", "strides"))
        channels_last = op.get_attr("data_format") in (b"NHWC", "NHWC")
        apart = all(window <= step for window, step in zip(windows, steps, strict=True))
        if not (apart and channels_last and op.get_attr("padding") in (b"VALID", "VALID")):
            return before(op, tangent)
        x, maxima, _ = op.inputs
        return None, None, _sum_of_maxima(x, maxima, tangent, windows, steps)

    try:
        entry["type"] = rule
        yield
    finally:
        entry["type"] = before


def _sum_of_maxima(x, maxima, tangent, windows, steps):
    """Returns the tangents at the places of the maxima, of windows that lie apart."""
    sizes = {"ksize": windows, "strides": steps, "padding": "VALID"}
    places = tf.raw_ops.MaxPoolGrad(orig_input=x, orig_output=maxima, grad=tf.ones_like(maxima), **sizes)
    means = tf.nn.avg_pool(tangent * tf.stop_gradient(places), windows, steps, "VALID")
    return tf.cast(math.prod(windows), means.dtype) * means


def _moments(x, axes, shift=None, keepdims=False, name=None):
    """The same as `tf.nn.moments`, but for derivatives."""
    with tf.name_scope(name or "moments"):
        wide = tf.cast(x, "float32") if x.dtype == tf.float16 else x
        mean = tf.reduce_mean(wide, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(wide, mean), axes, keepdims=True)
        if not keepdims:
            mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
        return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _sides(sizes, rank):
    """Returns the sizes along the places between batch and channels, as a list."""
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    sizes = sizes[1:-1] if len(sizes) == rank else sizes
    return sizes * (rank - 2) if len(sizes) == 1 else sizes


def _maxima(x, windows, steps, padding):
    """The same as `tf.nn.max_pool` over one, two or three sides, but for derivatives."""
    batch, *sides, channels = _shape(x)
    if len(sides) == 3:  # a box's maximum is that of its slices' maxima
        slices = tf.reshape(x, [batch * sides[0], *sides[1:], channels])
        slices = _maxima(slices, windows[1:], steps[1:], padding)
        _, *others, _ = _shape(slices)
        columns = tf.reshape(slices, [batch, sides[0], others[0] * others[1], channels])
        columns = _maxima(columns, [windows[0], 1], [steps[0], 1], padding)
        return tf.reshape(columns, [batch, _shape(columns)[1], *others, channels])
    if len(sides) == 1:
        return tf.squeeze(_maxima(x[:, tf.newaxis], [1, *windows], [1, *steps], padding), 1)
    _, places = tf.nn.max_pool_with_argmax(tf.stop_gradient(x), windows, steps, padding)
    maxima = tf.gather(tf.reshape(x, [batch, -1]), tf.reshape(places, [batch, -1]), batch_dims=1)
    return tf.reshape(maxima, _shape(places))


def _shape(tensor):
    """Returns a tensor's shape: numbers where they are known, and scalars."""
    known, found = tensor.shape.as_list(), tf.shape(tensor)
    return [found[place] if size is None else size for place, size in enumerate(known)]
