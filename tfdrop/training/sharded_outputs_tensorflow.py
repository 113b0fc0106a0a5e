"""A network's outputs with each batch split over the replicas of a `tf.distribute.Strategy`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.training.distribution_tensorflow import shared_out, shares_of


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
            shares = shares_of(len(batch), self._strategy)
            found.append(self._gathered(shared_out(self._strategy, batch, shares)).numpy()[: len(batch)])
        return np.concatenate(found)

    @tf.function
    def _gathered(self, x):
        outputs = self._strategy.run(lambda x: self._model(x, training=False), args=(x,))
        return self._strategy.gather(outputs, axis=0)
