"""The derivatives that influence functions are made of, on TensorFlow.

`jax.py` holds the same class for JAX.
"""

import tensorflow as tf

from tfdrop.functional.exact_tensorflow import exact_operations
from tfdrop.influence.autodiff.any_batch_tensorflow import ForAnyBatch
from tfdrop.influence.autodiff.second_gradients_tensorflow import register_second_gradients

register_second_gradients()
ZERO = tf.UnconnectedGradients.ZERO


class Autodiff:
    """Derivatives of a model's per-sample losses with respect to some of its variables.

    Vectors over the variables are flat float32 tensors of shape `(size,)`, in the variables' order. The model runs in
    inference mode: batch normalization uses its moving statistics, dropout is off. Products and the gradient of a
    batch are SUMS over its samples.

    Each shape of sample is traced once, for all numbers of them (but for several replicas, each number anew).

    Args:
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: The Keras variables; by default the model's trainable ones.
    """

    def __init__(self, model, per_sample_loss, variables=None):
        self._model = model
        self._per_sample_loss = per_sample_loss
        self._keras_variables = model.trainable_variables if variables is None else variables
        self._variables = [variable.value for variable in self._keras_variables]
        self._sizes = [variable.shape.num_elements() for variable in self._variables]
        self.size = sum(self._sizes)

    def _outputs(self, x):
        with exact_operations():
            return self._model(x, training=False)

    def _losses(self, x, y):
        return self._per_sample_loss(y, self._outputs(x))

    def _unflatten(self, vector):
        parts = zip(tf.split(vector, self._sizes), self._variables, strict=True)
        return [tf.cast(tf.reshape(part, variable.shape), variable.dtype) for part, variable in parts]

    def _dense(self, gradients):
        """Turns the sparse gradients of embeddings into tensors."""
        return [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]

    def _flatten(self, parts):
        """Joins one tensor a variable; `None` stands for a variable that the loss does not depend on."""
        parts = [
            tf.zeros(size) if part is None else tf.cast(tf.reshape(tf.convert_to_tensor(part), [-1]), "float32")
            for part, size in zip(parts, self._sizes, strict=True)
        ]
        return tf.concat(parts, axis=0)

    @ForAnyBatch
    def gradient(self, x, y):
        """Returns the gradient of the losses' sum."""
        with tf.GradientTape() as tape:
            tape.watch(self._variables)  # moving statistics are not watched by themselves
            loss = tf.reduce_sum(self._losses(x, y))
        return self._flatten(tape.gradient(loss, self._variables))

    @ForAnyBatch
    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`: a forward pass over the backward one."""
        with tf.autodiff.ForwardAccumulator(self._variables, self._unflatten(vector)) as forward:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(self._losses(x, y))
            gradients = self._dense(tape.gradient(loss, self._variables))
        return self._flatten([None if g is None else forward.jvp(g) for g in gradients])

    @ForAnyBatch
    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`.

        Forward through the model (J v), the loss's own Hessian at the outputs, back through the model (J^T).
        Where the outputs are probabilities, the Hessian is `PerSampleLoss.expected_hessian_product`.
        """
        with tf.GradientTape() as tape:
            with tf.autodiff.ForwardAccumulator(self._variables, self._unflatten(vector)) as forward:
                outputs = self._outputs(x)
            output_tangents = forward.jvp(outputs, ZERO)
        if self._per_sample_loss.expects_probabilities:
            loss_hessian_product = self._per_sample_loss.expected_hessian_product(y, outputs, output_tangents)
        else:
            loss_hessian_product = self._loss_hessian_product(y, outputs, output_tangents)
        return self._flatten(tape.gradient(outputs, self._variables, output_gradients=loss_hessian_product))

    def _loss_hessian_product(self, y, outputs, tangents):
        # Keras's cross-entropies look behind an activation for its logits; a copy has nothing behind it.
        outputs_alone = tf.identity(outputs)
        with tf.autodiff.ForwardAccumulator(outputs_alone, tangents) as forward:
            with tf.GradientTape() as tape:
                tape.watch(outputs_alone)
                loss = tf.reduce_sum(self._per_sample_loss(y, outputs_alone))
            gradients = tape.gradient(loss, outputs_alone, unconnected_gradients=ZERO)
        return forward.jvp(gradients, ZERO)

    @ForAnyBatch
    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`, in one forward-mode pass."""
        with tf.autodiff.ForwardAccumulator(self._variables, self._unflatten(vector)) as forward:
            losses = self._losses(x, y)
        return forward.jvp(losses, ZERO)

    @tf.function
    def penalty_product(self, vector):
        """Returns the Hessian of the weights' regularizers (L2 terms and the like), counted once, times `vector`."""
        with tf.autodiff.ForwardAccumulator(self._variables, self._unflatten(vector)) as forward:
            with tf.GradientTape() as tape:
                penalty = tf.zeros(())
                for variable in self._keras_variables:
                    if variable.regularizer is not None:
                        penalty += variable.regularizer(variable.value)
            gradients = self._dense(tape.gradient(penalty, self._variables))
        return self._flatten([None if g is None else forward.jvp(g) for g in gradients])
