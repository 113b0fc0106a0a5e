"""Derivatives sharded over the replicas of a `tf.distribute.Strategy`, on one machine or several."""

import keras
import tensorflow as tf

from tfdrop.training.distribution_tensorflow import shared_out, shares_of, to_replicas


class DistributedAutodiff:
    """The methods of `Autodiff`, each batch split over the replicas.

    Every replica takes its share of a batch's samples. Sums are reduced over all replicas, directional derivatives
    gathered in the order of the samples, so the results are those of one device but for rounding. On several machines
    every process runs the same program on the same data and gets the same results; of `StreamedImages` in the place of
    an array it reads its own replicas' shares.

    Args:
        autodiff: An `Autodiff` of a model that was built in the strategy's scope.
        strategy: The strategy: `MirroredStrategy`, `MultiWorkerMirroredStrategy`.
    """

    def __init__(self, autodiff, strategy):
        self._autodiff = autodiff
        self._strategy = strategy
        self.size = autodiff.size

    def gradient(self, x, y):
        """Returns the gradient of the losses' sum."""
        return self._sum("gradient", *self._shares(x, y))

    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`."""
        return self._sum("hessian_product", *self._shares(x, y), vector)

    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`."""
        return self._sum("gauss_newton_product", *self._shares(x, y), vector)

    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`."""
        _, *shares = self._shares(x, y)
        return self._gathered(*shares, vector)[: len(keras.tree.flatten(x)[0])]

    def penalty_product(self, vector):
        """Returns the Hessian of the weights' regularizers, counted once, times `vector`."""
        return self._penalty(vector)

    def _shares(self, x, y):
        """Returns the weight, the `x` and the `y` of every replica; the weight is 0 where a small batch leaves none."""
        samples = len(keras.tree.flatten(x)[0])
        shares = shares_of(samples, self._strategy)
        weights = to_replicas(self._strategy, [float(replica < samples) for replica in range(len(shares))])
        return weights, *shared_out(self._strategy, (x, y), shares)

    @tf.function
    def _sum(self, method, weight, *arguments):
        def weighted(weight, *arguments):
            return weight * getattr(self._autodiff, method)(*arguments)

        products = self._strategy.run(weighted, args=(weight, *arguments))
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, products, axis=None)

    @tf.function
    def _gathered(self, *arguments):
        return self._strategy.gather(self._strategy.run(self._autodiff.directional_derivatives, args=arguments), axis=0)

    @tf.function
    def _penalty(self, vector):
        products = self._strategy.run(self._autodiff.penalty_product, args=(vector,))
        return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, products, axis=None)
