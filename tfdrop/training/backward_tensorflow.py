"""A training step walked backwards, on TensorFlow. `backward_jax.py` has the same class for JAX,
`sharded_backward_tensorflow.py` one for several devices."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.functional.exact_tensorflow import exact_operations
from tfdrop.functional.optimizer_tensorflow import stateless_apply
from tfdrop.training.step_function import BatchLoss, State, differentiable_slots, off_zero
from tfdrop.training.train_arrays import TrainArrays

ZERO = tf.UnconnectedGradients.ZERO


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
        self._arrays = self._arrays_of(train)
        self._loss = self._loss_of(model, loss, dtype)
        self._dtype = dtype
        self.moving = list(moving)
        self._slots = differentiable_slots(optimizer)
        self._products = self._reverse_over_reverse if reverse else self._forward_over_backward
        self._functions = [tf.function(self._backward), tf.function(self._products_of)]
        self._update = tf.function(self._through_optimizer)

    def backward(
        self, state: State, indices: np.ndarray, sample_weights: np.ndarray, cotangent: State
    ) -> tuple[State, np.ndarray, State]:
        """Walks one step back.

        Args:
            state: The state before the step.
            indices: Indices of the batch, shape `(batch,)`.
            sample_weights: The batch's weights, shape `(batch,)`.
            cotangent: That of the state after the step.

        Returns:
            The cotangent of the state before the step, the derivative with respect to each weight of a sample, and the
            state after the step.
        """
        return self._call(0, state, indices, sample_weights, cotangent)

    def products(self, state, indices, sample_weights, direction, moving_cotangent, share=0.0):
        """Returns what a step's derivative has that can be wrong, laid open for a check.

        Two lists of three, with respect to weights, moving statistics and samples' weights: the gradients of the loss
        plus `share` times the next moving statistics' product with `moving_cotangent`; and those gradients' derivative
        along a direction of the weights, plus the gradients of that product.
        """
        return self._call(1, state, indices, sample_weights, direction, moving_cotangent, np.asarray(share))

    def through_optimizer(self, state, gradients, cotangent):
        """Returns the optimizer's update and its derivative, laid open for a check.

        Two tuples: weights and slots after the update; and the cotangents of gradients, weights and slots before it.
        """
        return self._update(*keras.tree.map_structure(tf.convert_to_tensor, (state, gradients, cotangent)))

    def _arrays_of(self, train):
        return TrainArrays(train, tf.constant)

    def _loss_of(self, model, loss, dtype):
        return BatchLoss(model, loss, dtype)

    def _call(self, number, state, indices, sample_weights, *others):
        state, sample_weights, *others = self._tensors(state, sample_weights, *others)
        train, _, places = self._arrays.holding(indices)
        return self._functions[number](train, state, tf.constant(places, "int32"), sample_weights, *others)

    def _tensors(self, *arguments):
        return keras.tree.map_structure(self._cast, keras.tree.map_structure(tf.convert_to_tensor, arguments))

    def _cast(self, tensor):
        return tf.cast(tensor, self._dtype) if self._dtype and tensor.dtype.is_floating else tensor

    def _batch(self, train, indices):
        return keras.tree.map_structure(lambda array: tf.gather(array, indices), train)

    def _backward(self, train, state, indices, sample_weights, cotangent):
        x, y = self._batch(train, indices)
        gradients, others = self._gradient(state, x, y, sample_weights)
        following, (direction, weights, slots) = self._through_optimizer(state, gradients, cotangent)
        _, (products, moving, derivatives) = self._products(state, x, y, sample_weights, direction, cotangent.others)
        weights = [one + two for one, two in zip(weights, products, strict=True)]
        return State(weights, moving, slots), derivatives, State(following[0], others, following[1])

    def _gradient(self, state, x, y, sample_weights):
        """Returns the gradient that the optimizer is given, and the next values of the other variables.

        From the operations that `_products` differentiates, so that the graph has those that both need once.
        """
        with exact_operations(), tf.GradientTape() as tape:
            tape.watch(state.weights)
            loss, others = self._loss(state.weights, state.others, x, y, sample_weights)
        return [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(loss, state.weights)], others

    def _through_optimizer(self, state, gradients, cotangent):
        """Returns the weights and slots after the optimizer's update, and three cotangents before it: those of the
        batch's gradient, the weights and the slots."""
        slots = [off_zero(s) if place in self._slots else s for place, s in enumerate(state.slots)]
        present = [place for place, gradient in enumerate(gradients) if gradient is not None]
        sources = [[gradients[place] for place in present], state.weights, [slots[place] for place in self._slots]]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            weights, slots = stateless_apply(self._optimizer, slots, gradients, state.weights)
        targets = [*weights, *(slots[place] for place in self._slots)]
        found, *others = tape.gradient(targets, sources, [*cotangent.weights, *cotangent.slots], ZERO)
        direction = [tf.zeros_like(weight) for weight in state.weights]
        for place, each in zip(present, found, strict=True):
            direction[place] = each
        return (weights, slots), (direction, *others)

    def _watched(self, state, sample_weights):
        """Returns what the batch's loss depends on: weights, moving statistics, samples' weights."""
        return state.weights, [state.others[place] for place in self.moving], sample_weights

    def _moved(self, loss, others, cotangent):
        """Returns the next moving statistics times their cotangents, a scalar."""
        products = [tf.reduce_sum(others[place] * c) for place, c in zip(self.moving, cotangent, strict=True)]
        # The rate of a drop layer is in float32 in a model of any type.
        return tf.add_n([tf.zeros_like(loss), *(tf.cast(product, loss.dtype) for product in products)])

    def _forward_over_backward(self, state, x, y, sample_weights, direction, moving_cotangent, share=None):
        """Returns what `products` does; without a share, it is 0.

        Of `loss + share * moved`, the gradients' derivative along (direction, share: 1) is all of it at once.
        """
        share = tf.zeros((), sample_weights.dtype) if share is None else share
        watched = self._watched(state, sample_weights)
        primals, tangents = [*state.weights, share], [*direction, tf.ones_like(share)]
        with exact_operations(), tf.autodiff.ForwardAccumulator(primals, tangents) as forward:
            with tf.GradientTape() as tape:
                tape.watch(watched)
                loss, others = self._loss(state.weights, state.others, x, y, sample_weights)
                total = loss + tf.cast(share, loss.dtype) * self._moved(loss, others, moving_cotangent)
            gradients = _dense(tape.gradient(total, watched, unconnected_gradients=ZERO))
        return gradients, forward.jvp(gradients, ZERO)

    def _reverse_over_reverse(self, state, x, y, sample_weights, direction, moving_cotangent, share=None):
        """Returns the same by a second pass backwards."""
        watched = self._watched(state, sample_weights)
        with exact_operations(), tf.GradientTape() as outer:
            outer.watch(watched)
            with tf.GradientTape() as tape:
                tape.watch(watched)
                loss, others = self._loss(state.weights, state.others, x, y, sample_weights)
                moved = self._moved(loss, others, moving_cotangent)
                total = loss if share is None else loss + tf.cast(share, loss.dtype) * moved
            gradients = _dense(tape.gradient(total, watched, unconnected_gradients=ZERO))
            along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(gradients[0], direction, strict=True)])
            along += tf.cast(moved, along.dtype)
            outside = outer.gradient(along, watched, unconnected_gradients=ZERO)
        return gradients, _dense(outside)

    def _products_of(self, train, state, indices, sample_weights, direction, moving_cotangent, share):
        x, y = self._batch(train, indices)
        return self._products(state, x, y, sample_weights, direction, moving_cotangent, share)


def _dense(gradients):
    """Turns the sparse gradients of embeddings into tensors."""
    return keras.tree.map_structure(tf.convert_to_tensor, gradients)
