"""A network's outputs with each batch split over the replicas of a `tf.distribute.Strategy`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.data.samples import is_streamed
from tfdrop.training.distribution_tensorflow import own_replicas, shared_out, shares_of


class ShardedOutputs:
    """What `predict` does, also in several processes, where Keras's has no use, and for batches of any size.

    Args:
        model: Keras model with one output, built in the strategy's scope.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._strategy = model.distribute_strategy

    def __call__(self, x: Any, batch_size: int) -> np.ndarray:
        """Returns the outputs for the samples `x`, in their order; every process has to ask and gets all of them."""
        found = []
        for first in range(0, len(x), batch_size):
            batch = x[first : first + batch_size]
            placed = shared_out(self._strategy, batch, shares_of(len(batch), self._strategy))
            if is_streamed(x):
                self._expect(x, first + batch_size, batch_size)
            found.append(self._gathered(placed).numpy()[: len(batch)])
        return np.concatenate(found)

    def _expect(self, images, first, batch_size):
        """Begins to read this process's shares of a batch."""
        batch = np.arange(first, min(first + batch_size, len(images)))
        if len(batch):
            shares = shares_of(len(batch), self._strategy)
            images.expect(np.concatenate([batch[shares[each]] for each in own_replicas(self._strategy)]))

    @tf.function
    def _gathered(self, x):
        outputs = self._strategy.run(lambda x: self._model(x, training=False), args=(x,))
        return self._strategy.gather(outputs, axis=0)
