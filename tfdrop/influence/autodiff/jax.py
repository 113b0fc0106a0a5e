"""The derivatives that influence functions are made of, on JAX: the same class as in `tensorflow.py`."""

from functools import partial

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree


class Autodiff:
    """Derivatives of a model's per-sample losses with respect to some of its variables.

    Vectors over the variables are flat float32 arrays of shape `(size,)`, in the variables' order. The model runs in
    inference mode: batch normalization uses its moving statistics, dropout is off. Products and the gradient of a
    batch are SUMS over its samples.

    Args:
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: The Keras variables; by default the model's trainable ones.
    """

    def __init__(self, model, per_sample_loss, variables=None):
        self._model = model
        self._per_sample_loss = per_sample_loss
        self._variables = model.trainable_variables if variables is None else variables
        chosen = {id(variable) for variable in self._variables}
        self._others = [variable for variable in model.variables if id(variable) not in chosen]
        self.size = sum(int(np.prod(variable.shape)) for variable in self._variables)
        _, self._unflatten = ravel_pytree(self._state()[0])
        self._gradient = jax.jit(self._gradient_of)
        self._hessian_product = jax.jit(self._hessian_product_of)
        self._gauss_newton_product = jax.jit(self._gauss_newton_product_of)
        self._directional_derivatives = jax.jit(self._directional_derivatives_of)
        self._penalty_product = jax.jit(self._penalty_product_of)

    def _state(self):
        """Returns the values as they are now, chosen and other; the compiled functions take them as arguments."""
        return [variable.value for variable in self._variables], [variable.value for variable in self._others]

    def _outputs(self, weights, fixed, x):
        values = zip([*self._variables, *self._others], [*weights, *fixed], strict=True)
        with keras.StatelessScope(state_mapping=list(values)):
            return self._model(x, training=False)

    def _loss_sum(self, weights, fixed, x, y):
        return jnp.sum(self._per_sample_loss(y, self._outputs(weights, fixed, x)))

    def _penalty(self, weights):
        penalty = jnp.zeros(())
        for variable, weight in zip(self._variables, weights, strict=True):
            if variable.regularizer is not None:
                penalty += variable.regularizer(weight)
        return penalty

    def gradient(self, x, y):
        """Returns the gradient of the losses' sum."""
        return self._gradient(*self._state(), x, y)

    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`: a forward pass over the backward one."""
        return self._hessian_product(*self._state(), x, y, vector)

    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`.

        Forward through the model (J v), the loss's own Hessian at the outputs, back through the model (J^T).
        Where the outputs are probabilities, the Hessian is `PerSampleLoss.expected_hessian_product`.
        """
        return self._gauss_newton_product(*self._state(), x, y, vector)

    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`, in one forward-mode pass."""
        return self._directional_derivatives(*self._state(), x, y, vector)

    def penalty_product(self, vector):
        """Returns the Hessian of the weights' regularizers (L2 terms and the like), counted once, times `vector`."""
        return self._penalty_product(self._state()[0], vector)

    def _gradient_of(self, weights, fixed, x, y):
        return ravel_pytree(jax.grad(self._loss_sum)(weights, fixed, x, y))[0]

    def _hessian_product_of(self, weights, fixed, x, y, vector):
        gradient = partial(jax.grad(self._loss_sum), fixed=fixed, x=x, y=y)
        return ravel_pytree(jax.jvp(gradient, (weights,), (self._unflatten(vector),))[1])[0]

    def _gauss_newton_product_of(self, weights, fixed, x, y, vector):
        outputs_of = partial(self._outputs, fixed=fixed, x=x)
        outputs, output_tangents = jax.jvp(outputs_of, (weights,), (self._unflatten(vector),))
        if self._per_sample_loss.expects_probabilities:
            loss_hessian_product = self._per_sample_loss.expected_hessian_product(y, outputs, output_tangents)
        else:
            loss_gradient = jax.grad(lambda y_pred: jnp.sum(self._per_sample_loss(y, y_pred)))
            loss_hessian_product = jax.jvp(loss_gradient, (outputs,), (output_tangents,))[1]
        return ravel_pytree(jax.vjp(outputs_of, weights)[1](loss_hessian_product)[0])[0]

    def _directional_derivatives_of(self, weights, fixed, x, y, vector):
        def losses_of(weights):
            return self._per_sample_loss(y, self._outputs(weights, fixed, x))

        return jax.jvp(losses_of, (weights,), (self._unflatten(vector),))[1]

    def _penalty_product_of(self, weights, vector):
        return ravel_pytree(jax.jvp(jax.grad(self._penalty), (weights,), (self._unflatten(vector),))[1])[0]
