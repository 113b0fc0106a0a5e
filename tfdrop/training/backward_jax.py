"""A training step walked backwards, on JAX: the same class as `backward_tensorflow.py`."""

import contextlib
from collections.abc import Sequence
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from tfdrop.training.sharding_jax import Sharding
from tfdrop.training.step_function import BatchLoss, State, differentiable_slots, off_zero
from tfdrop.training.train_arrays import TrainArrays

enable_x64 = getattr(jax if hasattr(jax, "enable_x64") else jax.experimental, "enable_x64")  # noqa: B009


class BackwardStep:
    """A training step as a function of the state before it, and its transposed derivative.

    A cotangent is a `State` with the derivative of some number with respect to the values that can be differentiated:
    the weights, the moving statistics, and the optimizer's slots but for its count and learning rate.

    Args:
        model: A built Keras model.
        optimizer: Its optimizer, built.
        loss: The training loss.
        train: Arrays `(x, y)`.
        moving: Places, among the model's variables that are not trained, of those that a step makes depend on weights.
        dtype: Type that layers and loss compute in; `None` for their own.
        reverse: Whether to differentiate backwards twice; else forward over backward.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        train: tuple[Any, Any],
        moving: Sequence[int],
        dtype: str | None = None,
        reverse: bool = False,
    ):
        self._optimizer = optimizer
        self._sharding = Sharding()
        self._arrays = TrainArrays(train, self._sharding.on_all_devices)
        self._loss = BatchLoss(model, loss, dtype)
        self._dtype = dtype
        self.moving = list(moving)
        self._slots = differentiable_slots(optimizer)
        self._products = self._reverse_over_reverse if reverse else self._forward_over_backward
        self._functions = [jax.jit(self._backward), jax.jit(self._products_of)]
        self._update = jax.jit(self._through_optimizer)

    def backward(
        self, state: State, indices: np.ndarray, sample_weights: np.ndarray, cotangent: State
    ) -> tuple[State, np.ndarray, State]:
        """Walks one step back; see `backward_tensorflow.py`."""
        return self._call(0, state, indices, sample_weights, cotangent)

    def products(self, state, indices, sample_weights, direction, moving_cotangent, share=0.0):
        """Returns what a step's derivative has that can be wrong, laid open; see `backward_tensorflow.py`."""
        return self._call(1, state, indices, sample_weights, direction, moving_cotangent, np.asarray(share))

    def through_optimizer(self, state, gradients, cotangent):
        """Returns the optimizer's update and its derivative, laid open for a check; see `backward_tensorflow.py`."""
        return self._update(state, gradients, cotangent)

    def _call(self, number, state, indices, sample_weights, *others):
        with enable_x64(True) if self._dtype == "float64" else contextlib.nullcontext():
            arguments = keras.tree.map_structure(self._placed, (state, sample_weights, *others))
            train, _, places = self._arrays.holding(indices)
            chosen = self._sharding.on_all_devices(jnp.asarray(places, "int32"))
            return self._functions[number](train, arguments[0], chosen, *arguments[1:])

    def _placed(self, array):
        array = self._sharding.on_all_devices(array)
        return array.astype(self._dtype) if self._dtype and jnp.issubdtype(array.dtype, jnp.floating) else array

    def _batch(self, train, indices):
        indices = self._sharding.shared_out(indices)
        return keras.tree.map_structure(lambda array: jnp.take(array, indices, axis=0), train)

    def _backward(self, train, state, indices, sample_weights, cotangent):
        x, y = self._batch(train, indices)
        gradients, others = self._gradient(state, x, y, sample_weights)
        following, (direction, weights, slots) = self._through_optimizer(state, gradients, cotangent)
        share = jnp.zeros((), sample_weights.dtype)
        _, (products, moving, derivatives) = self._products(
            state, x, y, sample_weights, direction, cotangent.others, share
        )
        weights = [one + two for one, two in zip(weights, products, strict=True)]
        return State(weights, moving, slots), derivatives, State(following[0], others, following[1])

    def _gradient(self, state, x, y, sample_weights):
        """Returns the gradient that the optimizer is given, and the next values of the other variables."""
        function = jax.grad(self._loss, has_aux=True)
        return function(state.weights, state.others, x, y, sample_weights)

    def _through_optimizer(self, state, gradients, cotangent):
        """Returns the weights and slots after the optimizer's update, and three cotangents before it: those of the
        batch's gradient, the weights and the slots."""

        def update(gradients, weights, moved):
            slots = list(state.slots)
            for place, slot in zip(self._slots, moved, strict=True):
                slots[place] = slot
            weights, slots = self._optimizer.stateless_apply(slots, gradients, weights)
            return (weights, [slots[place] for place in self._slots]), slots

        moved = [off_zero(state.slots[place]) for place in self._slots]
        (weights, _), pulled_back, slots = jax.vjp(update, gradients, state.weights, moved, has_aux=True)
        return (weights, slots), pulled_back((cotangent.weights, cotangent.slots))

    def _losses(self, state, x, y, moving_cotangent):
        """Returns the batch's loss and the moving statistics' product with cotangents, of what they depend on."""

        def losses(weights, moving, sample_weights):
            others = list(state.others)
            for place, value in zip(self.moving, moving, strict=True):
                others[place] = value
            loss, others = self._loss(weights, others, x, y, sample_weights)
            products = [jnp.sum(others[p] * c) for p, c in zip(self.moving, moving_cotangent, strict=True)]
            return loss, sum(products, jnp.zeros_like(loss))

        return losses

    def _watched(self, state, sample_weights):
        """Returns what the batch's loss depends on: weights, moving statistics, samples' weights."""
        return state.weights, [state.others[place] for place in self.moving], sample_weights

    def _forward_over_backward(self, state, x, y, sample_weights, direction, moving_cotangent, share):
        """Returns what `products` does.

        Of `loss + share * moved`, the gradients' derivative along (direction, share: 1) is all of it at once.
        """
        gradients = self._gradients_of_total(state, x, y, sample_weights, moving_cotangent)
        return jax.jvp(gradients, (state.weights, share), (direction, jnp.ones_like(share)))

    def _reverse_over_reverse(self, state, x, y, sample_weights, direction, moving_cotangent, share):
        """Returns the same by a second pass backwards."""
        losses = self._losses(state, x, y, moving_cotangent)

        def along(*watched):
            gradients = jax.grad(lambda weights: losses(weights, *watched[1:])[0])(watched[0])
            products = [jnp.sum(g * d) for g, d in zip(gradients, direction, strict=True)]
            return sum(products) + losses(*watched)[1]

        gradients = self._gradients_of_total(state, x, y, sample_weights, moving_cotangent)(state.weights, share)
        return gradients, jax.grad(along, argnums=(0, 1, 2))(*self._watched(state, sample_weights))

    def _gradients_of_total(self, state, x, y, sample_weights, moving_cotangent):
        """Returns a function of weights and `share`: the gradients of the loss plus `share` times the moving part."""
        losses = self._losses(state, x, y, moving_cotangent)
        watched = self._watched(state, sample_weights)

        def total(share, *watched):
            loss, moved = losses(*watched)
            return loss + share * moved

        return lambda weights, share: jax.grad(total, argnums=(1, 2, 3))(share, weights, *watched[1:])

    def _products_of(self, train, state, indices, sample_weights, direction, moving_cotangent, share):
        x, y = self._batch(train, indices)
        return self._products(state, x, y, sample_weights, direction, moving_cotangent, share)
