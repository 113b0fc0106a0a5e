"""How a batch is shared out among the replicas of a `tf.distribute.Strategy`."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.training.distribution_tensorflow import own_replicas, shares_of, to_replicas
from tfdrop.training.train_arrays import TrainArrays


class ReplicaBatches:
    """Training samples as replicas take them: in order, as evenly as can be.

    A batch of fewer samples than replicas all of them take whole, each for its part of the loss, so that none is
    without a sample and no statistic counts one more than another. Each device holds all arrays, or of `StreamedImages`
    those that its steps need.

    Args:
        strategy: The strategy.
        loss: The training loss.
        train: Arrays `(x, y)`.

    Attributes:
        replicas: Number of replicas, over all processes.
        arrays: The `TrainArrays`.
    """

    def __init__(self, strategy: tf.distribute.Strategy, loss: keras.losses.Loss, train: tuple[Any, Any]):
        self._strategy = strategy
        self._loss = loss
        self.replicas = strategy.num_replicas_in_sync
        self._own_replicas = own_replicas(strategy)
        self.arrays = TrainArrays(train, self._on_all_devices, self._own)

    def places(self, batch: int) -> list[np.ndarray]:
        """Returns the places in a batch of each replica's samples."""
        whole = [np.arange(batch)] * self.replicas
        return whole if batch < self.replicas else shares_of(batch, self._strategy)

    def factor(self, batch: int) -> Any:
        """Returns, on each replica, what makes the loss of its samples its part of the batch's loss."""
        return self.of_each([self._factor(each, batch) for each in range(self.replicas)])

    def of_each(self, values: Sequence[Any] | Mapping[int, Any]) -> Any:
        """Returns an array for each replica, on its device; see `to_replicas`."""
        return to_replicas(self._strategy, values)

    def holding(self, shares: list[np.ndarray], sample_weights: np.ndarray | None = None) -> tuple[Any, Any, Any]:
        """Returns what each replica takes its share of some batches from, the weights, and the places there.

        Args:
            shares: For each replica, the numbers of its samples, of any shape.
            sample_weights: A number for each training sample, or `None`.
        """
        shares = [share.astype("int32") for share in shares]
        if self.arrays.on_device is not None:
            weights = None if sample_weights is None else tf.constant(sample_weights)
            return self.arrays.on_device, weights, self.of_each(shares)
        # Each process reads the shares of its own replicas alone.
        read = {each: self.arrays.read(shares[each], sample_weights) for each in self._own_replicas}
        arrays, weights, places = zip(*read.values(), strict=True)

        def of_own(*values):
            return self.of_each(dict(zip(read, values, strict=True)))

        train = keras.tree.map_structure(of_own, *arrays)
        return train, None if sample_weights is None else of_own(*weights), of_own(*places)

    def _own(self, batch):
        """Returns the numbers of a batch's samples that this process needs."""
        places = self.places(len(batch))
        return batch[np.unique(np.concatenate([places[each] for each in self._own_replicas]))]

    def _on_all_devices(self, array):
        return self.of_each([array] * self.replicas)

    def _factor(self, replica, batch):
        if batch < self.replicas:
            return np.asarray(1 / self.replicas if self._loss.reduction == "sum" else 1, self._loss.dtype)
        if self._loss.reduction == "sum":
            return np.asarray(1, self._loss.dtype)
        part = batch // self.replicas + (replica < batch % self.replicas)
        return np.asarray(part / batch * self.replicas, self._loss.dtype)  # Keras divides a mean by the replicas


def of_replica(state: Any, sign: int = 1) -> Any:
    """Returns, inside a replica, the state `(seed, draws)` of a random layer with the replica's number added to its
    seed, or taken away."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return state + tf.cast(tf.stack([sign * replica, 0]), state.dtype)
