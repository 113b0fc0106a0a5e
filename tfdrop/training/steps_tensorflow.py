"""Many training steps in one call of a compiled function, on TensorFlow. `steps_jax.py` is the same for JAX."""

import contextlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.functional.fused_tensorflow import fused_batch_normalization
from tfdrop.training.sample_weights import weighted_loss
from tfdrop.training.train_arrays import TrainArrays


class CompiledSteps:
    """Training steps on arrays that stay on the device, or are read for each dispatch.

    Args:
        model: Keras model, updated in place.
        optimizer: Keras optimizer, built, updated in place.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        jit_compile: Whether to compile with XLA.

    Attributes:
        arrays: The `TrainArrays`.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        train: tuple[Any, Any],
        jit_compile: bool,
    ):
        self._model = model
        self._optimizer = optimizer
        self._loss = loss
        self.arrays = TrainArrays(train, tf.constant)
        # XLA fuses by itself.
        self._fusing = contextlib.nullcontext if jit_compile else fused_batch_normalization
        # One trace per shape, never one relaxed to fit several: which kernels run, and so the bits, would then depend
        # on the shapes that came before.
        self._compiled = tf.function(self._steps, jit_compile=jit_compile)

    def run(self, index_batches: np.ndarray, sample_weights: np.ndarray | None = None) -> np.ndarray:
        """Takes one step per row of sample indices.

        Args:
            index_batches: Indices, shape `(steps, batch)`.
            sample_weights: A factor for the loss of each of the `n` samples, or `None`.

        Returns:
            The losses, shape `(steps,)`.
        """
        train, weights, places = self.arrays.holding(index_batches, sample_weights)
        weights = None if weights is None else tf.constant(weights)
        return self._compiled(train, tf.constant(places, "int32"), weights).numpy()

    def agreed(self, number: float) -> float:
        """Returns a number that all processes which train together have alike; here there is one."""
        return number

    def _steps(self, train, index_batches, sample_weights):
        steps = tf.shape(index_batches)[0]
        losses = tf.TensorArray(self._loss.dtype, steps, element_shape=())
        for step in tf.range(steps):
            losses = losses.write(step, self._step(train, index_batches[step], sample_weights))
        return losses.stack()

    def _step(self, train, indices, sample_weights):
        x, y = keras.tree.map_structure(lambda array: tf.gather(array, indices), train)
        weights = None if sample_weights is None else tf.gather(sample_weights, indices)
        with tf.GradientTape() as tape:
            with self._fusing():
                outputs = self._model(x, training=True)
            loss = weighted_loss(self._loss, y, outputs, weights) + sum(self._model.losses)
        variables = self._model.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        return loss
