"""Methods of a batch that TensorFlow traces once for all numbers of samples."""

import functools

import tensorflow as tf

# What an operation raises that wants to know the number of samples; errors of the data, too, which come again.
OF_ARGUMENTS = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)


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


def _called(function, kept, x, y, *vectors):
    if tf.inside_function():
        return function(x, y, *vectors)
    x, y = tf.nest.map_structure(_tensor, (x, y))
    others = [tf.convert_to_tensor(other) for other in vectors]
    specs = tf.nest.map_structure(_open, (x, y))
    key = str((specs, [(other.shape, other.dtype) for other in others]))
    if key not in kept:
        kept[key] = _traced(function, *specs, *others)
    try:
        return kept[key](x, y, *others)
    except OF_ARGUMENTS:
        if kept[key] is function:
            raise
        result = function(x, y, *others)
        kept[key] = function
        return result


def _traced(function, *arguments):
    """Returns what a function is traced to; the function itself, which traces what it is given, where that fails."""
    try:
        return function.get_concrete_function(*arguments)
    except Exception:  # TensorFlow, Keras and models of users' own raise all kinds
        return function


def _tensor(array):
    return None if array is None else tf.convert_to_tensor(array)


def _open(tensor):
    """Returns the tensor's shape and type, the number of samples left open."""
    if tensor is None or tensor.shape.rank == 0:
        return tensor
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
