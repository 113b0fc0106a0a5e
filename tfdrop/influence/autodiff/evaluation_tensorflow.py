"""A model's losses and their first derivatives at weights near its own, on TensorFlow.

`evaluation_jax.py` holds the same class for JAX.
"""

import keras
import numpy as np
import tensorflow as tf

from tfdrop.functional.double_precision import computing_in, is_floating, variables_at

ZERO = tf.UnconnectedGradients.ZERO


class Evaluation:
    """The losses, outputs and first derivatives of a model at other weights than its own.

    Weights and results are NumPy arrays in float64. Everything is traced in a graph of its own: a `tf.function` inside
    a layer that was first traced with these weights in eager mode would keep them for good.

    Args:
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: The Keras variables that the weights are for.
        dtype: The type to compute in: `"float64"`, or `None` for that of the model's layers.
    """

    def __init__(self, model, per_sample_loss, variables, dtype="float64"):
        self._model = model
        self._per_sample_loss = per_sample_loss
        self._variables = variables
        chosen = {id(variable) for variable in variables}
        self._others = [v for v in model.variables if id(v) not in chosen and is_floating(v)]
        self._dtype = dtype
        self._sizes = [int(np.prod(variable.shape)) for variable in variables]
        self._losses_outputs_gradient = tf.function(self._trace_losses_outputs_gradient)
        self._pulled_back = tf.function(self._trace_pulled_back)
        self._loss_gradient = tf.function(self._trace_loss_gradient)
        self._expected_hessian_product = tf.function(self._trace_expected_hessian_product)

    def weights(self):
        """Returns the variables' values as they are now, flat."""
        return np.concatenate([keras.ops.convert_to_numpy(v).astype("float64").ravel() for v in self._variables])

    def losses_outputs_gradient(self, weights, x, y):
        """Returns every sample's loss, the model's outputs, and the gradient of the losses' sum."""
        losses, outputs, gradients = self._losses_outputs_gradient(*self._values(weights), x, y)
        return _numpy(losses), _numpy(outputs), _flat(gradients)

    def pulled_back(self, weights, x, cotangents):
        """Returns the outputs' Jacobian, transposed, times an array of the outputs' shape."""
        return _flat(self._pulled_back(*self._values(weights), x, cotangents))

    def loss_gradient(self, y, outputs):
        """Returns the gradient of the losses' sum with respect to the model's outputs."""
        return _numpy(self._loss_gradient(y, self._as_outputs(outputs)))

    def expected_hessian_product(self, y, outputs, tangents):
        """Returns `PerSampleLoss.expected_hessian_product`."""
        return _numpy(self._expected_hessian_product(y, self._as_outputs(outputs), self._as_outputs(tangents)))

    def _as_outputs(self, array):
        """A user's loss that fails on float64 must not see any."""
        return tf.cast(array, self._dtype or "float32")

    def _values(self, weights):
        parts = np.split(weights, np.cumsum(self._sizes)[:-1])
        values = [self._cast(part.reshape(v.shape), v) for part, v in zip(parts, self._variables, strict=True)]
        return values, [self._cast(v.value, v) for v in self._others]

    def _cast(self, value, variable):
        return tf.cast(value, self._dtype or variable.dtype)

    def _outputs(self, values, others, x):
        with computing_in(self._model, self._dtype), variables_at(self._variables + self._others, values + others):
            return self._model(x, training=False)

    def _trace_losses_outputs_gradient(self, values, others, x, y):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = self._outputs(values, others, x)
            losses = self._per_sample_loss(y, outputs)
            total = tf.reduce_sum(losses)
        gradients = tape.gradient(total, values, unconnected_gradients=ZERO)
        return losses, outputs, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _trace_pulled_back(self, values, others, x, cotangents):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = self._outputs(values, others, x)
        cotangents = tf.cast(cotangents, outputs.dtype)
        gradients = tape.gradient(outputs, values, output_gradients=cotangents, unconnected_gradients=ZERO)
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _trace_loss_gradient(self, y, outputs):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            loss = tf.reduce_sum(self._per_sample_loss(y, outputs))
        return tape.gradient(loss, outputs, unconnected_gradients=ZERO)

    def _trace_expected_hessian_product(self, y, outputs, tangents):
        return self._per_sample_loss.expected_hessian_product(y, outputs, tangents)


def _numpy(tensor):
    return np.asarray(tensor, "float64")


def _flat(gradients):
    return np.concatenate([_numpy(gradient).ravel() for gradient in gradients])
