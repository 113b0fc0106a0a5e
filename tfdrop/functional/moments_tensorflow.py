"""Mean and variance whose second derivatives are right, on TensorFlow.

`tf.nn.moments` holds the mean fixed inside the variance. The variance's first derivative does not notice, as deviations
sum to zero; its second derivative does, and with it those of every layer that normalizes by statistics of its input.
"""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def exact_moments() -> Iterator[None]:
    """Let what is traced inside the context compute moments, of the same values, with all their derivatives."""
    original = tf.nn.moments
    tf.nn.moments = _moments
    try:
        yield
    finally:
        tf.nn.moments = original


def _moments(x, axes, shift=None, keepdims=False, name=None):
    """The same as `tf.nn.moments`, but for derivatives."""
    with tf.name_scope(name or "moments"):
        wide = tf.cast(x, "float32") if x.dtype == tf.float16 else x
        mean = tf.reduce_mean(wide, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(wide, mean), axes, keepdims=True)
        if not keepdims:
            mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
        return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)
