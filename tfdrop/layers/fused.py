"""One loop over a tensor in the place of many: XLA for a part of a step that is not compiled with it as a whole."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import keras


def fused(function: Callable) -> Callable:
    """Returns a function that does the same, and inside a TensorFlow graph with one kernel for all of its operations.

    TensorFlow on a CPU runs operation by operation, each a pass over memory. Where operations run at once anyway, or
    XLA compiles the whole step (JAX, accelerators), or this TensorFlow has no XLA, the function stays as it is. So it
    does where sizes beside that of the batch are not known: XLA would compile it for each of them.

    Args:
        function: Function of tensors, and of keyword arguments that can be hashed. No gradient flows through it.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    compiled = tf.function(function, jit_compile=True)

    @wraps(function)
    def chosen(*tensors: Any, **options: Any) -> Any:
        known = all(size is not None for tensor in tensors for size in tensor.shape[1:])
        if tf.executing_eagerly() or not known or not _has_xla():
            return function(*tensors, **options)
        return compiled(*(tf.stop_gradient(tensor) for tensor in tensors), **options)

    return chosen


@cache
def _has_xla() -> bool:
    import tensorflow as tf

    try:
        with tf.init_scope():
            tf.function(lambda x: x + 1, jit_compile=True)(1)
    except tf.errors.OpError:
        return False
    return True
