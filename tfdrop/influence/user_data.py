"""Samples as people have them (arrays, lists, pandas columns, tensors, data sets), read as NumPy arrays."""

import keras
import numpy as np

from tfdrop.data.samples import is_streamed

EXPECTED = "arrays (x, y) or (x, y, sample_weight), or a data set of such batches"


class UserData:
    """Training or validation data as it was passed, in batches `(x, y, sample_weight)` of NumPy arrays.

    Args:
        name: Name of the argument, for errors.
        data: A tuple `(x, y)` or `(x, y, sample_weight)` of arrays, lists of numbers, pandas columns or tensors, or of
            structures of those; or an iterable of batches that are such tuples, or a `keras.utils.PyDataset`.

    Attributes:
        arrays: The tuple `(x, y, sample_weight)`, `None` for weights that were not given; `None` of a data set.

    Raises:
        ValueError: If there are no samples, or something cannot be read as an array.
        TypeError: While iterating, if a batch is not such a tuple.
    """

    def __init__(self, name, data):
        self._name = name
        self._data = data
        self.arrays = None
        if isinstance(data, tuple) and len(data) in (2, 3):
            self.arrays = self._read(data)
        elif not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
            raise TypeError(
                f"Invalid value received for argument `{name}`. Expected {EXPECTED}. Received: a {type(data).__name__}"
            )

    def batches(self, batch_size):
        """Yields `(x, y, sample_weight)`; a data set has batches of its own, and every call is a pass."""
        if self.arrays is not None:
            samples = len(keras.tree.flatten(self.arrays[0])[0])
            for start in range(0, samples, batch_size):
                chosen = slice(start, start + batch_size)
                yield tuple(_select(part, chosen) for part in self.arrays)
            return
        data = self._data
        # A PyDataset's own iteration protocol never ends.
        elements = (data[i] for i in range(len(data))) if isinstance(data, keras.utils.PyDataset) else data
        for element in elements:
            if not isinstance(element, tuple | list) or len(element) not in (2, 3):
                parts = f"{len(element)} parts" if hasattr(element, "__len__") else "no parts"
                raise TypeError(
                    f"Invalid value received for argument `{self._name}`. Expected batches (x, y) or "
                    f"(x, y, sample_weight). Received: a {type(element).__name__} of {parts}"
                )
            batch = self._read(element, least=0)
            if len(keras.tree.flatten(batch[0])[0]):
                yield batch

    def __len__(self):
        return len(self._data)

    def _read(self, parts, least=1):
        """Returns `(x, y, sample_weight)` as arrays with equally many samples, at least so many."""
        x, y, *weight = (self._array(part) for part in parts)
        weights = weight[0] if weight else None
        if x is None or y is None:
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected samples with labels. Received: None"
            )
        arrays = keras.tree.flatten((x, y) if weights is None else (x, y, weights))
        if any(array.ndim == 0 for array in arrays):
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected samples in batches. Received: a value "
                "without a batch axis; an unbatched data set has to be batched, with `.batch(64)` for example"
            )
        lengths = [len(array) for array in arrays]
        if not lengths or min(lengths) < least or min(lengths) != max(lengths):
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected arrays with the same number of samples, "
                f"at least {least}. Received: lengths {lengths}"
                + ("; an unbatched data set has to be batched" if least == 0 else "")
            )
        return x, y, weights

    def _array(self, value):
        """Returns a structure of arrays; a list of numbers, or of lists of numbers, is an array."""
        if value is None or is_streamed(value):
            return value
        if isinstance(value, dict):
            return {key: self._array(part) for key, part in value.items()}
        if isinstance(value, tuple | list) and not _holds_numbers(value):
            return type(value)(self._array(part) for part in value)
        try:
            array = np.asarray(value)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected arrays, lists of equal length, pandas "
                f"columns or tensors. Received: a {type(value).__name__} that is not an array ({error})"
            ) from error
        return _numeric(array) if array.dtype == object else array


def _holds_numbers(values):
    """Tells whether a list, or a list of lists, has single values at its ends, not arrays."""
    first = values
    while isinstance(first, tuple | list):
        if not first:
            return True
        first = first[0]
    return not isinstance(first, dict) and np.ndim(first) == 0


def _numeric(array):
    """Returns an array of objects, as from pandas, as one of numbers if it holds only such."""
    try:
        numbers = np.array(array.tolist())
    except ValueError:  # ragged
        return array
    return numbers if numbers.shape == array.shape and np.issubdtype(numbers.dtype, np.number) else array


def _select(part, chosen):
    return None if part is None else keras.tree.map_structure(lambda array: np.asarray(array[chosen]), part)
