"""The derivatives that influence functions are made of, on JAX without forward mode: see `reverse_tensorflow.py`.

Functions with `jax.custom_vjp`, for one, have no forward mode.
"""

from functools import partial

import jax
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree

from tfdrop.influence.autodiff.jax import Autodiff


class ReverseAutodiff(Autodiff):
    """The methods of `Autodiff`, by backward passes over backward passes."""

    def _hessian_product_of(self, weights, fixed, x, y, vector):
        def aligned(weights):
            return jnp.vdot(ravel_pytree(jax.grad(self._loss_sum)(weights, fixed, x, y))[0], vector)

        return ravel_pytree(jax.grad(aligned)(weights))[0]

    def _gauss_newton_product_of(self, weights, fixed, x, y, vector):
        outputs, pull_back = jax.vjp(partial(self._outputs, fixed=fixed, x=x), weights)
        tangents = self._tangents(pull_back, outputs, vector)
        if self._per_sample_loss.expects_probabilities:
            cotangents = self._per_sample_loss.expected_hessian_product(y, outputs, tangents)
        else:
            loss_gradient = jax.grad(lambda y_pred: jnp.sum(self._per_sample_loss(y, y_pred)))
            cotangents = jax.grad(lambda y_pred: jnp.vdot(loss_gradient(y_pred), tangents))(outputs)
        return ravel_pytree(pull_back(cotangents)[0])[0]

    def _directional_derivatives_of(self, weights, fixed, x, y, vector):
        losses, pull_back = jax.vjp(lambda weights: self._per_sample_loss(y, self._outputs(weights, fixed, x)), weights)
        return self._tangents(pull_back, losses, vector)

    def _tangents(self, pull_back, targets, vector):
        """Returns the Jacobian whose transpose `pull_back` multiplies by, times `vector`."""
        return jax.vjp(lambda cotangents: pull_back(cotangents)[0], jnp.ones_like(targets))[1](self._unflatten(vector))[
            0
        ]
