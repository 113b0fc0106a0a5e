"""Training and validation data as the rest of the library sees it: arrays, or an iterable of batches."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfdrop.arguments import invalid, wrong_type
from tfdrop.data.sets.streamed_images import StreamedImages


def count(data: Any, name: str = "data") -> int:
    """Returns the number of samples in arrays `(x, y)`.

    Args:
        data: A tuple `(x, y)` of arrays, or of structures of arrays.
        name: The argument's name, for the error.

    Raises:
        TypeError: If `data` is not a tuple of two.
        ValueError: If there are no samples, or if the arrays differ in length.

    >>> count((np.zeros((5, 2)), np.zeros(5)))
    5
    """
    if not is_arrays(data):
        raise wrong_type(name, "a tuple (x, y) of arrays", received=str(type(data)))
    leaves = _tree().flatten(data)
    if not all(np.ndim(array) for array in leaves):
        kinds = ", ".join(sorted({type(array).__name__ for array in leaves if not np.ndim(array)}))
        raise invalid(name, "a tuple (x, y) of arrays", received=f"values that are not arrays: {kinds}")
    lengths = [len(array) for array in leaves]
    if not lengths or min(lengths) == 0 or min(lengths) != max(lengths):
        raise invalid(
            name, "arrays with the same number of samples, at least 1", received=f"arrays of length {lengths}"
        )
    return lengths[0]


def select(data: Any, indices: Any) -> Any:
    """Returns the samples at `indices` of arrays `(x, y)`; `x` and `y` may be structures of arrays.

    >>> select((np.arange(5), np.arange(5) * 10), [4, 0])
    (array([4, 0]), array([40,  0]))
    """
    if isinstance(data, tuple) and all(isinstance(part, np.ndarray | StreamedImages) for part in data):
        return tuple(part[indices] for part in data)
    return _tree().map_structure(lambda array: array[indices], data)


def take(data: Any, indices: Any) -> Any:
    """Returns the samples at `indices` of arrays `(x, y)`, `StreamedImages` among them as arrays."""
    return _tree().map_structure(lambda part: np.asarray(part) if is_streamed(part) else part, select(data, indices))


def mapped(function: Callable[[np.ndarray], np.ndarray], images: Any) -> Any:
    """Returns what a function makes of images; of `StreamedImages` it does so when they are read, one by one."""
    return images.map(function) if is_streamed(images) else function(images)


def is_streamed(array: Any) -> bool:
    """Tells whether something is read whenever it is asked for, in the place of an array."""
    return isinstance(array, StreamedImages)


def stream(seed: int | tuple[int, ...], *key: int) -> np.random.Generator:
    """Returns the random generator of one purpose, identified by integers, independent of those of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def batches(data: Any, batch_size: int, taken: Callable[[Any, Any], Any] = take) -> Iterator[Any]:
    """Yields `(x, y)` batches.

    Args:
        data: Arrays `(x, y)`, a tuple of two, cut into batches in order; or any other iterable of `(x, y)` batches (a
            list of images of different shapes, a `tf.data.Dataset`), passed through as it is.
        batch_size: Samples per batch, for arrays.
        taken: What takes a batch's samples from arrays: `take`, or `select`, which leaves `StreamedImages` unread.

    >>> [y.tolist() for _, y in batches((np.zeros(5), np.arange(5)), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """
    if not is_arrays(data):
        yield from data
        return
    samples = count(data)
    for start in range(0, samples, batch_size):
        yield taken(data, np.arange(start, min(start + batch_size, samples)))


def is_arrays(data: Any) -> bool:
    """Tells whether `data` is a tuple `(x, y)` of arrays or of structures of arrays."""
    return isinstance(data, tuple) and len(data) == 2


def batch_count(data: Any, batch_size: int) -> int | None:
    """Returns the number of batches that `batches` will yield, or `None` if it cannot be known."""
    if is_arrays(data):
        return -(-count(data) // batch_size)
    try:
        return len(data)
    except TypeError:  # a generator, or a tf.data.Dataset of unknown length
        return None


def _tree() -> Any:
    """Returns `keras.tree`, imported here because reading images needs no deep-learning backend."""
    from keras import tree

    return tree
