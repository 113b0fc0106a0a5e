"""Methods of a batch that TensorFlow traces once for all numbers of samples."""

import functools

import tensorflow as tf


class ForAnyBatch:
    """A method `(x, y, ...)` in the place of a `tf.function`, which would trace each number of samples anew.

    A trace takes seconds; runs of a convolutional network take the same time with and without a number of samples that
    is known in advance. It is left open from the first call on, so that the bits of a result do not depend on the
    shapes that came before. Where a model wants to know it, each number is traced by itself.

    Used as a decorator.

    Args:
        method: The method; `x` and `y` are arrays or structures of arrays, samples first.
    """

    def __init__(self, method):
        self.__doc__ = method.__doc__
        self._name = method.__name__
        self._function = tf.function(method)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        # TensorFlow keeps what belongs to an instance, without keeping the instance alive.
        bound = self._function.__get__(instance, owner)
        kept = instance.__dict__.setdefault("_traces", {}).setdefault(self._name, {})
        return functools.partial(_called, bound, kept)


def _called(function, kept, x, y, *others):
    if tf.inside_function():
        return function(x, y, *others)
    x, y = tf.nest.map_structure(_tensor, (x, y))
    key = str(tf.nest.map_structure(_open, (x, y)))
    if key not in kept:
        try:
            found = function.get_concrete_function(*tf.nest.map_structure(_open, (x, y)), *others)
            return _noted(kept, key, found, x, y, *others)
        except Exception:  # as in `verification.py`: of all kinds. What is wrong in any case is raised again.
            return _noted(kept, key, function, x, y, *others)
    return kept[key](x, y, *others)


def _noted(kept, key, function, *arguments):
    """Calls a function, and keeps it if that went well."""
    result = function(*arguments)
    kept[key] = function
    return result


def _tensor(array):
    return None if array is None else tf.convert_to_tensor(array)


def _open(tensor):
    """Returns the tensor's shape and type, the number of samples left open."""
    if tensor is None or tensor.shape.rank == 0:
        return tensor
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
