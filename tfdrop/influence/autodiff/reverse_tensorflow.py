"""The derivatives that influence functions are made of, on TensorFlow without forward mode.

Loops and functions compiled by XLA have right reverse-mode derivatives where forward mode fails or is wrong.
"""

import tensorflow as tf

from tfdrop.influence.autodiff.any_batch_tensorflow import ForAnyBatch
from tfdrop.influence.autodiff.tensorflow import ZERO, Autodiff


class ReverseAutodiff(Autodiff):
    """The methods of `Autodiff`, by backward passes over backward passes.

    A Jacobian `J` times a vector `v` is the derivative of `(J^T c) . v`, which is linear in `c`, with respect to `c`:
    the "double-backward trick". It takes one more backward pass instead of a forward tangent, and the memory of both.
    """

    @ForAnyBatch
    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`: a backward pass over the backward one."""
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = tf.reduce_sum(self._losses(x, y))
            aligned = self._dot(inner.gradient(loss, self._variables), vector)
        return self._flatten(outer.gradient(aligned, self._variables))

    @ForAnyBatch
    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`; see `Autodiff`."""
        with tf.GradientTape(persistent=True) as tape:
            outputs = self._outputs(x)
        tangents = self._tangents(tape, outputs, vector)
        if self._per_sample_loss.expects_probabilities:
            cotangents = self._per_sample_loss.expected_hessian_product(y, outputs, tangents)
        else:
            cotangents = self._loss_hessian_product(y, outputs, tangents)
        return self._flatten(tape.gradient(outputs, self._variables, output_gradients=cotangents))

    @ForAnyBatch
    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`, in two backward passes."""
        with tf.GradientTape(persistent=True) as tape:
            losses = self._losses(x, y)
        return self._tangents(tape, losses, vector)

    def _tangents(self, tape, targets, vector):
        """Returns the Jacobian of what a persistent tape recorded, times `vector`."""
        cotangents = tf.ones_like(targets)
        with tf.GradientTape() as outer:
            outer.watch(cotangents)
            pulled_back = tape.gradient(targets, self._variables, output_gradients=cotangents)
            aligned = self._dot(pulled_back, vector)
        return outer.gradient(aligned, cotangents, unconnected_gradients=ZERO)

    def _dot(self, gradients, vector):
        """Returns the product of two vectors, one of them as a gradient or `None` for each variable."""
        pairs = zip(self._dense(gradients), self._unflatten(vector), strict=True)
        return tf.add_n([tf.zeros(())] + [tf.cast(tf.reduce_sum(g * v), "float32") for g, v in pairs if g is not None])

    def _loss_hessian_product(self, y, outputs, tangents):
        alone = tf.identity(outputs)  # see `Autodiff`
        with tf.GradientTape() as outer:
            outer.watch(alone)
            with tf.GradientTape() as inner:
                inner.watch(alone)
                loss = tf.reduce_sum(self._per_sample_loss(y, alone))
            gradient = inner.gradient(loss, alone, unconnected_gradients=ZERO)
            aligned = tf.reduce_sum(gradient * tangents)
        return outer.gradient(aligned, alone, unconnected_gradients=ZERO)
