"""Many training steps in one call of a compiled function, on JAX: the same class as `steps_tensorflow.py`."""

from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from tfdrop.training.sample_weights import weighted_loss


class CompiledSteps:
    """Training steps on arrays that stay on the device.

    Args:
        model: Keras model, updated in place.
        optimizer: Keras optimizer, built, updated in place.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        jit_compile: Unused, for the same signature as on TensorFlow: JAX always compiles.
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
        self._train = keras.tree.map_structure(jnp.asarray, train)
        # XLA on CPUs runs a loop's convolutions on one thread, so there each step is a call of its own.
        self._compiled = self._one_by_one() if jax.default_backend() == "cpu" else jax.jit(self._scan)

    def run(self, index_batches: np.ndarray, sample_weights: np.ndarray | None = None) -> np.ndarray:
        """Takes one step per row of sample indices; see `steps_tensorflow.py`."""
        groups = (self._model.trainable_variables, self._model.non_trainable_variables, self._optimizer.variables)
        state = [[variable.value for variable in group] for group in groups]
        state, losses = self._compiled(state, self._samples(sample_weights), jnp.asarray(index_batches, "int32"))
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return np.asarray(losses)

    def _samples(self, sample_weights):
        """Returns what is taken from for a batch: arrays `(x, y, weights)`; the weights may be `None`."""
        return *self._train, None if sample_weights is None else jnp.asarray(sample_weights)

    def _scan(self, state, train, index_batches):
        return jax.lax.scan(lambda state, indices: self._step(state, train, indices), state, index_batches)

    def _one_by_one(self):
        step = jax.jit(self._step)

        def steps(state, train, index_batches):
            losses = []
            for indices in index_batches:
                state, loss = step(state, train, indices)
                losses.append(loss)
            return state, jnp.stack(losses)

        return steps

    def _step(self, state, train, indices):
        trainable, fixed, moments = state
        x, y, weights = jax.tree.map(lambda array: jnp.take(array, indices, axis=0), train)
        gradient = jax.value_and_grad(self._total_loss, has_aux=True)
        (loss, fixed), gradients = gradient(trainable, fixed, x, y, weights)
        trainable, moments = self._optimizer.stateless_apply(moments, gradients, trainable)
        return [trainable, fixed, moments], loss

    def _total_loss(self, trainable, fixed, x, y, weights):
        outputs, fixed, penalties = self._model.stateless_call(trainable, fixed, x, training=True, return_losses=True)
        return weighted_loss(self._loss, y, outputs, weights) + sum(penalties), fixed
