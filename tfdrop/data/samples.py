"""Training and validation data as the rest of the library sees it: arrays, or an iterable of batches."""

import numpy as np


def count(data):
    """Returns the number of samples in arrays `(x, y)`.

    Raises:
        TypeError: If `data` is no tuple of two.
        ValueError: If there are none, or if the arrays differ in length.
    """
    if not is_arrays(data):
        raise TypeError(
            f"Invalid value received for argument `data`. Expected a tuple (x, y) of arrays. Received: {type(data)}"
        )
    lengths = [len(array) for array in _tree().flatten(data)]
    if not lengths or min(lengths) == 0 or min(lengths) != max(lengths):
        raise ValueError(
            "Invalid value received for argument `data`. "
            f"Expected arrays with the same number of samples, at least 1. Received arrays of length {lengths}"
        )
    return lengths[0]


def select(data, indices):
    """Returns the samples at `indices` of arrays `(x, y)`; `x` and `y` may be structures of arrays."""
    if isinstance(data, tuple) and all(isinstance(part, np.ndarray) for part in data):
        return tuple(part[indices] for part in data)
    return _tree().map_structure(lambda array: array[indices], data)


def stream(seed, *key):
    """Returns the random generator of one purpose, named by integers, independent of those of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def batches(data, batch_size):
    """Yields `(x, y)` batches.

    Args:
        data: Arrays `(x, y)`, a tuple of two, cut into batches in order; or any other iterable of `(x, y)` batches (a
            list of images of different shapes, a `tf.data.Dataset`), passed through as it is.
        batch_size: Samples a batch, for arrays.
    """
    if not is_arrays(data):
        yield from data
        return
    samples = count(data)
    for start in range(0, samples, batch_size):
        yield select(data, np.arange(start, min(start + batch_size, samples)))


def is_arrays(data):
    """Tells whether `data` is a tuple `(x, y)` of arrays or of structures of arrays."""
    return isinstance(data, tuple) and len(data) == 2


def batch_count(data, batch_size):
    """Returns the number of batches that `batches` will yield, or `None` if it cannot be known."""
    if is_arrays(data):
        return -(-count(data) // batch_size)
    try:
        return len(data)
    except TypeError:  # a generator, or a tf.data.Dataset of unknown length
        return None


def _tree():
    """Returns `keras.tree`: imported here, as those who only read images need no deep-learning backend."""
    from keras import tree

    return tree
