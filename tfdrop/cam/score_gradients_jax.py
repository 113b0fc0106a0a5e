"""Derivatives of the classes' scores with respect to feature maps, on JAX."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp


def score_gradients(scores: Callable[[Any], Any], features: Any, classes: np.ndarray) -> Any:
    """Returns the derivative of each image's score of its class, in the shape of the feature maps.

    Args:
        scores: Function from feature maps to scores, shape `(n, classes)`.
        features: The feature maps of n images.
        classes: A class for each, shape `(n,)`.
    """

    def total(features):
        return jnp.take_along_axis(scores(features), jnp.asarray(classes)[:, None], axis=1).sum()

    return jax.grad(total)(jnp.asarray(features))
