"""A model's losses and their first derivatives at weights near its own, on JAX: see `evaluation_tensorflow.py`."""

import contextlib

import jax
import jax.experimental
import numpy as np
from jax import numpy as jnp

from tfdrop.functional.double_precision import computing_in, is_floating, variables_at

# Before JAX 0.8 it was among the experiments.
enable_x64 = getattr(jax if hasattr(jax, "enable_x64") else jax.experimental, "enable_x64")  # noqa: B009


class Evaluation:
    """The losses, outputs and first derivatives of a model at other weights than its own.

    Weights and results are NumPy arrays in float64.

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
        self._losses_outputs_gradient = jax.jit(self._trace_losses_outputs_gradient)
        self._pulled_back = jax.jit(self._trace_pulled_back)
        self._loss_gradient = jax.jit(self._trace_loss_gradient)

    def weights(self):
        """Returns the variables' values as they are now, flat."""
        return np.concatenate([np.asarray(v.value, "float64").ravel() for v in self._variables])

    def losses_outputs_gradient(self, weights, x, y):
        """Returns every sample's loss, the model's outputs, and the gradient of the losses' sum."""
        with self._precision():
            losses, outputs, gradients = self._losses_outputs_gradient(*self._values(weights), x, y)
        return _numpy(losses), _numpy(outputs), _flat(gradients)

    def pulled_back(self, weights, x, cotangents):
        """Returns the outputs' Jacobian, transposed, times an array of the outputs' shape."""
        with self._precision():
            return _flat(self._pulled_back(*self._values(weights), x, cotangents))

    def loss_gradient(self, y, outputs):
        """Returns the gradient of the losses' sum with respect to the model's outputs."""
        with self._precision():
            return _numpy(self._loss_gradient(y, outputs))

    def expected_hessian_product(self, y, outputs, tangents):
        """Returns `PerSampleLoss.expected_hessian_product`."""
        with self._precision():
            return _numpy(self._per_sample_loss.expected_hessian_product(y, outputs, jnp.asarray(tangents)))

    def _precision(self):
        return enable_x64(True) if self._dtype == "float64" else contextlib.nullcontext()

    def _values(self, weights):
        parts = np.split(weights, np.cumsum(self._sizes)[:-1])
        values = [self._cast(part.reshape(v.shape), v) for part, v in zip(parts, self._variables, strict=True)]
        return values, [self._cast(np.asarray(v.value), v) for v in self._others]

    def _cast(self, value, variable):
        return jnp.asarray(value, self._dtype or variable.dtype)

    def _outputs(self, values, others, x):
        with computing_in(self._model, self._dtype), variables_at(self._variables + self._others, values + others):
            return self._model(x, training=False)

    def _trace_losses_outputs_gradient(self, values, others, x, y):
        def total(values):
            outputs = self._outputs(values, others, x)
            losses = self._per_sample_loss(y, outputs)
            return jnp.sum(losses), (losses, outputs)

        (_, (losses, outputs)), gradients = jax.value_and_grad(total, has_aux=True)(values)
        return losses, outputs, gradients

    def _trace_pulled_back(self, values, others, x, cotangents):
        outputs, pull_back = jax.vjp(lambda values: self._outputs(values, others, x), values)
        return pull_back(jnp.asarray(cotangents, outputs.dtype))[0]

    def _trace_loss_gradient(self, y, outputs):
        return jax.grad(lambda outputs: jnp.sum(self._per_sample_loss(y, outputs)))(outputs)


def _numpy(array):
    return np.asarray(array, "float64")


def _flat(gradients):
    return np.concatenate([_numpy(gradient).ravel() for gradient in gradients])
