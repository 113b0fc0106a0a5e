"""Many training steps in one call of a compiled function, on JAX: the same class as `steps_tensorflow.py`.

Under a `keras.distribution.DataParallel` each device takes its share of a batch, and what comes out is what one device
finds, but for the order of summation: batch statistics and draws are those of the whole batch.
"""

from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from tfdrop.training.sample_weights import weighted_loss
from tfdrop.training.sharding_jax import Sharding
from tfdrop.training.train_arrays import TrainArrays


class CompiledSteps:
    """Training steps on arrays that stay on the device, or are read for each dispatch.

    Args:
        model: Keras model, updated in place.
        optimizer: Keras optimizer, built, updated in place.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        jit_compile: Unused, for the same signature as on TensorFlow: JAX always compiles.

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
        self._sharding = Sharding()
        self.arrays = TrainArrays(train, self._sharding.on_all_devices)
        # XLA on CPUs runs a loop's convolutions on one thread, so there each step is a call of its own.
        self._compiled = self._one_by_one() if jax.default_backend() == "cpu" else jax.jit(self._scan)

    def run(self, index_batches: np.ndarray, sample_weights: np.ndarray | None = None) -> np.ndarray:
        """Takes one step per row of sample indices; see `steps_tensorflow.py`."""
        groups = (self._model.trainable_variables, self._model.non_trainable_variables, self._optimizer.variables)
        state = [[variable.value for variable in group] for group in groups]
        (x, y), weights, places = self.arrays.holding(index_batches, sample_weights)
        weights = None if weights is None else self._sharding.on_all_devices(weights)
        state, losses = self._compiled(state, (x, y, weights), jnp.asarray(places, "int32"))
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return np.asarray(losses)

    def agreed(self, number: float) -> float:
        """Returns a number that all processes which train together have alike; here there is one."""
        return number

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
        indices = self._sharding.shared_out(indices)
        x, y, weights = jax.tree.map(lambda array: jnp.take(array, indices, axis=0), train)
        gradient = jax.value_and_grad(self._total_loss, has_aux=True)
        (loss, fixed), gradients = gradient(trainable, fixed, x, y, weights)
        trainable, moments = self._optimizer.stateless_apply(moments, gradients, trainable)
        return [trainable, fixed, moments], loss

    def _total_loss(self, trainable, fixed, x, y, weights):
        outputs, fixed, penalties = self._model.stateless_call(trainable, fixed, x, training=True, return_losses=True)
        return weighted_loss(self._loss, y, outputs, weights) + sum(penalties), fixed
