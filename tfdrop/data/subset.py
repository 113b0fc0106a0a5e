"""A part of some samples, in the form that the samples have."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np


def subset(data: Any, kept: np.ndarray, sizes: Sequence[int]) -> Any:
    """Returns some of the samples of a data set, in their order.

    Args:
        data: A `tf.data.Dataset` of batches, a `keras.utils.PyDataset`, or anything else that gives the same batches on
            every pass, such as a list of them.
        kept: Indices of the samples, in order.
        sizes: The number of samples of each batch.

    Returns:
        A `tf.data.Dataset` with batches as large as before; otherwise a `PyDataset`, or an object to iterate over,
        whose batches lack what is left out. No batch is empty.

    >>> batches = [(np.array([5, 6, 7]), np.array([0, 1, 0])), (np.array([8]), np.array([1]))]
    >>> [(x.tolist(), y.tolist()) for x, y in subset(batches, np.array([0, 2]), sizes=[3, 1])]
    [([5, 7], [0, 0])]
    """
    mask = np.zeros(sum(sizes), bool)
    mask[kept] = True
    if hasattr(data, "rebatch") and hasattr(data, "scan"):
        from tfdrop.data.subset_tensorflow import subset_of_dataset

        return subset_of_dataset(data, mask, max(sizes))
    masks = np.split(mask, np.cumsum(sizes)[:-1])
    return _PyDatasetPart(data, masks) if isinstance(data, keras.utils.PyDataset) else _Part(data, masks)


class _Part:
    """Batches with some of their samples; every iteration is a pass."""

    def __init__(self, data: Any, masks: list[np.ndarray]):
        self._data = data
        self._masks = masks

    def __iter__(self) -> Iterator[Any]:
        for batch, mask in zip(self._data, self._masks, strict=True):
            if mask.any():
                yield _chosen(batch, mask)

    def __len__(self) -> int:
        return sum(bool(mask.any()) for mask in self._masks)


class _PyDatasetPart(keras.utils.PyDataset):
    """The batches of a `PyDataset` with some of their samples."""

    def __init__(self, data: Any, masks: list[np.ndarray]):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self._data = data
        self._masks = masks
        self._places = [place for place, mask in enumerate(masks) if mask.any()]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        place = self._places[index]
        return _chosen(self._data[place], self._masks[place])


def _chosen(batch: Any, mask: np.ndarray) -> Any:
    return tuple(keras.tree.map_structure(lambda part: np.asarray(part)[mask], part) for part in batch)
