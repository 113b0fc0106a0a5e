"""The steps of `steps_tensorflow.py` with each batch split over the replicas of a `tf.distribute.Strategy`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.arguments import invalid
from tfdrop.functional.double_precision import is_floating
from tfdrop.training.distribution_tensorflow import agreed, over_replicas
from tfdrop.training.random_layers import states_of_samples
from tfdrop.training.replica_batches_tensorflow import ReplicaBatches, of_replica
from tfdrop.training.sample_weights import check_loss, weighted_loss


class ShardedSteps:
    """Training steps on several devices, of one machine or of several.

    A batch's samples are shared out as `ReplicaBatches` does, and the replicas' gradients are summed: a step is that of
    one device but for the order of summation.

    What a layer computes from its batch, here it computes from its replica's share. Batch normalization has the
    share's statistics, unless it is `synchronized`; its moving statistics are averaged over the replicas after each
    dispatch. Random layers draw with a seed of the replica, the first with that of one device. The coin of a
    `Participation` is the whole batch's.

    Args:
        model: Keras model that was built in the strategy's scope, updated in place.
        optimizer: Keras optimizer that was made in the same scope, built, updated in place.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        jit_compile: Whether to compile losses and gradients with XLA.

    Raises:
        ValueError: If the loss is no sum or mean over samples, or the optimizer was made outside the scope, or clips
            gradients, which it would do to each replica's part before they are summed.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        train: tuple[Any, Any],
        jit_compile: bool,
    ):
        self._strategy = model.distribute_strategy
        if optimizer._distribution_strategy is not self._strategy:
            raise invalid("optimizer", "one made in the scope of the model's strategy", optimizer)
        if optimizer.clipnorm or optimizer.global_clipnorm or optimizer.clipvalue:
            raise invalid("optimizer", "one that does not clip gradients, on several devices", optimizer)
        check_loss(loss)
        self._model = model
        self._optimizer = optimizer
        self._loss = loss
        self._batches = ReplicaBatches(self._strategy, loss, train)
        self.arrays = self._batches.arrays
        self._seeds = states_of_samples(model)
        self._moving = [variable for variable in model.non_trainable_variables if is_floating(variable)]
        self._gradients = tf.function(self._loss_and_gradients, jit_compile=True) if jit_compile else None
        self._compiled = tf.function(self._steps)

    def run(self, index_batches: np.ndarray, sample_weights: np.ndarray | None = None) -> np.ndarray:
        """Takes one step per row of sample indices.

        Args:
            index_batches: Indices, shape `(steps, batch)`.
            sample_weights: A factor for the loss of each of the `n` samples, or `None`.

        Returns:
            The losses, shape `(steps,)`.
        """
        batch = index_batches.shape[1]
        shares = [index_batches[:, places] for places in self._batches.places(batch)]
        train, weights, indices = self._batches.holding(shares, sample_weights)
        factor = self._batches.factor(batch)
        return self._compiled(tf.constant(len(index_batches)), train, indices, factor, weights).numpy()

    def agreed(self, number: float) -> float:
        """Returns the mean of a number over the processes that train together; each has to ask."""
        return agreed(self._strategy, number)

    def _steps(self, steps, train, indices, factor, sample_weights):
        losses = tf.TensorArray(self._loss.dtype, steps, element_shape=())
        self._strategy.run(self._shift_seeds, args=(1,))
        for step in tf.range(steps):
            each = self._strategy.run(self._step, args=(step, train, indices, factor, sample_weights))
            losses = losses.write(step, self._strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None))
        self._strategy.run(self._shift_seeds, args=(-1,))
        if self._moving:
            self._strategy.run(self._average)
        return losses.stack()

    def _step(self, step, train, indices, factor, sample_weights):
        """Takes a replica's part of a step; returns its part of the loss."""
        chosen = indices[step]
        x, y = keras.tree.map_structure(lambda array: tf.gather(array, chosen), train)
        # Ones where there are none: the loss then has to have a value for each sample.
        weights = (
            tf.ones(len(chosen), self._loss.dtype) if sample_weights is None else tf.gather(sample_weights, chosen)
        )
        loss, gradients = (self._gradients or self._loss_and_gradients)(x, y, factor, weights)
        self._optimizer.apply(gradients, self._model.trainable_variables)  # sums them over the replicas
        return loss

    def _loss_and_gradients(self, x, y, factor, weights):
        with tf.GradientTape() as tape:
            outputs = self._model(x, training=True)
            self._check_losses(outputs)
            penalties = sum(self._model.losses) / self._batches.replicas
            loss = factor * weighted_loss(self._loss, y, outputs, weights) + penalties
        variables = self._model.trainable_variables
        return loss, tape.gradient(loss, [variable.value for variable in variables])

    def _check_losses(self, outputs):
        """Raises a `ValueError` for what is no sum over samples: a mask's mean, and losses that layers add."""
        if any(getattr(output, "_keras_mask", None) is not None for output in keras.tree.flatten(outputs)):
            raise invalid("model", "one whose outputs have no mask, on several devices", self._model.name)
        if any(layer._losses for layer in self._model._flatten_layers()):
            expected = "one whose layers add no losses but penalties of weights, on several devices"
            raise invalid("model", expected, self._model.name)

    def _shift_seeds(self, sign):
        """Adds the replica's number to the seeds of layers that draw for each sample, or takes it away."""
        for state in self._seeds:
            state.assign(of_replica(state.value, sign))

    def _average(self):
        """Sets what the replicas have counted of their shares, each for itself, to the mean."""
        means = over_replicas(tf.distribute.ReduceOp.MEAN, [variable.value for variable in self._moving])
        for variable, mean in zip(self._moving, means, strict=True):
            variable.assign(mean)
