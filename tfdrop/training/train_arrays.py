"""The training samples as compiled steps take them: all on the device, or those of some steps, read for these."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfdrop.data.samples import is_streamed, take

BYTES_READ = 2**26  # of the samples of a dispatch, at most, unless a single step has more


class TrainArrays:
    """Arrays `(x, y)` that batches are taken from.

    Args:
        train: The arrays; `x` and `y` may be structures. With `StreamedImages` among them nothing is on the device
            but the samples of the steps at hand.
        place: Function that puts an array on the device.
        own: Function from the samples' numbers of a batch to those that this process needs; all of them by default.

    Attributes:
        on_device: The arrays there; `None` where something is read.
    """

    def __init__(
        self,
        train: Any,
        place: Callable[[np.ndarray], Any],
        own: Callable[[np.ndarray], np.ndarray] = lambda batch: batch,
    ):
        self._given = train
        self._place = place
        self._own = own
        self._streamed = [array for array in keras.tree.flatten(train) if is_streamed(array)]
        self.on_device = None if self._streamed else keras.tree.map_structure(place, train)

    def holding(self, indices: np.ndarray, sample_weights: np.ndarray | None = None) -> tuple[Any, Any, np.ndarray]:
        """Returns what to take some samples from.

        Args:
            indices: The samples' numbers, of any shape.
            sample_weights: A number for each training sample, or `None`.

        Returns:
            Arrays `(x, y)` on the device, their weights, and the samples' places in these, of the shape of `indices`.
        """
        if self.on_device is not None:
            return self.on_device, sample_weights, indices
        arrays, weights, places = self.read(indices, sample_weights)
        return keras.tree.map_structure(self._place, arrays), weights, places

    def read(self, indices: np.ndarray, sample_weights: np.ndarray | None = None) -> tuple[Any, Any, np.ndarray]:
        """Returns the same with those samples alone, not yet on the device."""
        chosen = indices.ravel()
        weights = None if sample_weights is None else sample_weights[chosen]
        return take(self._given, chosen), weights, np.arange(len(chosen), dtype="int32").reshape(indices.shape)

    def expect(self, indices: np.ndarray, batch_size: int) -> None:
        """Begins to read the samples of the next batches, where something has to be read."""
        if self._streamed:
            batches = np.split(indices, range(batch_size, len(indices), batch_size))
            own = np.concatenate([self._own(batch) for batch in batches])
            for array in self._streamed:
                array.expect(own)

    def most_samples(self) -> int:
        """Returns how many samples can be asked for at once: any number of arrays that are there."""
        sizes = [np.prod(array.shape[1:]) * array.dtype.itemsize for array in self._streamed]
        return int(BYTES_READ // sum(sizes)) if sizes else sys.maxsize
