"""The steps of `sharded_steps_tensorflow.py` walked backwards, each batch split over the replicas in the same way."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.functional.double_precision import computing_in
from tfdrop.functional.exact_tensorflow import exact_operations
from tfdrop.training.backward_tensorflow import BackwardStep
from tfdrop.training.distribution_tensorflow import over_replicas
from tfdrop.training.random_layers import states_of_samples
from tfdrop.training.replica_batches_tensorflow import ReplicaBatches, of_replica
from tfdrop.training.step_function import BatchLoss, State


class ShardedBackwardStep(BackwardStep):
    """A training step on several devices, as a function of the state before it, and its transposed derivative.

    Each replica differentiates its part of the loss, for its share of the batch and with its own draws; what statistics
    of the whole batch carry from one replica to another is differentiated through. What is summed over the replicas is
    the gradient, and then its derivatives. The optimizer's
    update is outside of the replicas.

    Args: as for `BackwardStep`, of a model that was built in a strategy's scope.
    """

    def __init__(self, model: keras.Model, optimizer: Any, loss: keras.losses.Loss, train: Any, *others, **settings):
        self._model = model
        self._strategy = model.distribute_strategy
        self._batches = ReplicaBatches(self._strategy, loss, train)
        super().__init__(model, optimizer, loss, train, *others, **settings)
        seeds = {id(state) for state in states_of_samples(model)}
        self._seeds = [place for place, each in enumerate(model.non_trainable_variables) if id(each) in seeds]
        self._compiled = tf.function(self._sharded)

    def _arrays_of(self, train):
        return self._batches.arrays

    def _loss_of(self, model, loss, dtype):
        return BatchLoss(model, loss, dtype, self._batches.replicas)

    def backward(
        self, state: State, indices: np.ndarray, sample_weights: np.ndarray, cotangent: State
    ) -> tuple[State, np.ndarray, State]:
        """Walks one step back; see `BackwardStep`. Of several processes each has to ask, and gets all of it."""
        places = self._batches.places(len(indices))
        train, _, chosen = self._batches.holding([indices[each] for each in places])
        share = self._batches.of_each(places), chosen, self._batches.factor(len(indices))
        state, sample_weights, cotangent = self._tensors(state, sample_weights, cotangent)
        return self._compiled(train, share, state, sample_weights, cotangent)

    def _sharded(self, train, share, state, sample_weights, cotangent):
        # What these put in the place of something else, the replicas' threads would put back in any order.
        with exact_operations(), computing_in(self._model, self._dtype, self._loss.drawing):
            before = train, share, state, sample_weights
            gradients, others = self._run(self._summed_gradients, *before)
            following, (direction, weights, slots) = self._through_optimizer(state, gradients, cotangent)
            products, moving, derivatives = self._run(self._summed_products, *before, direction, cotangent.others)
        weights = [one + two for one, two in zip(weights, products, strict=True)]
        return State(weights, moving, slots), derivatives, State(following[0], others, following[1])

    def _run(self, function, *arguments):
        """Returns what a function comes to on the first of this process's replicas."""
        found = self._strategy.run(function, args=arguments)
        return keras.tree.map_structure(lambda each: self._strategy.experimental_local_results(each)[0], found)

    def _summed_gradients(self, train, share, state, sample_weights):
        gradients, others = self._gradient(*self._part(train, share, state, sample_weights))
        present = [place for place, gradient in enumerate(gradients) if gradient is not None]
        summed = over_replicas(tf.distribute.ReduceOp.SUM, [gradients[place] for place in present])
        for place, gradient in zip(present, summed, strict=True):
            gradients[place] = gradient
        return gradients, self._on_each_alike(others)

    def _on_each_alike(self, others):
        """Returns the other variables after a step, as each replica has them: the moving statistics are the mean."""
        others = list(others)
        for place in self._seeds:
            others[place] = of_replica(others[place], -1)
        floating = [place for place, each in enumerate(others) if each.dtype.is_floating]
        means = over_replicas(tf.distribute.ReduceOp.MEAN, [others[place] for place in floating])
        for place, mean in zip(floating, means, strict=True):
            others[place] = mean
        return others

    def _summed_products(self, train, share, state, sample_weights, direction, moving_cotangent):
        state, x, y, weights = self._part(train, share, state, sample_weights)
        # The moving statistics are the mean over the replicas.
        moving_cotangent = [each / self._batches.replicas for each in moving_cotangent]
        _, (products, moving, derivatives) = self._products(state, x, y, weights, direction, moving_cotangent)
        places, _, factor = share
        of_batch = tf.scatter_nd(places[:, tf.newaxis], self._cast(factor) * derivatives, sample_weights.shape)
        found = over_replicas(tf.distribute.ReduceOp.SUM, [*products, *moving, of_batch])
        return found[: len(products)], found[len(products) : -1], found[-1]

    def _part(self, train, share, state, sample_weights):
        """Returns a replica's state, samples, and weights, in which the part that its loss is of the batch's is."""
        places, chosen, factor = share
        others = list(state.others)
        for place in self._seeds:
            others[place] = of_replica(others[place])
        weights = self._cast(factor) * tf.gather(sample_weights, places)
        return state._replace(others=others), *self._batch(train, chosen), weights
