"""Derivatives of the classes' scores with respect to feature maps, on TensorFlow; `score_gradients_jax.py` on JAX."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


def score_gradients(scores: Callable[[Any], Any], features: Any, classes: np.ndarray) -> Any:
    """Returns the derivative of each image's score of its class, in the shape of the feature maps.

    Args:
        scores: Function from feature maps to scores, shape `(n, classes)`.
        features: The feature maps of n images.
        classes: A class for each, shape `(n,)`.
    """
    features = tf.convert_to_tensor(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        chosen = tf.gather(scores(features), np.asarray(classes, "int32"), batch_dims=1)
        total = tf.reduce_sum(chosen)
    return tape.gradient(total, features, unconnected_gradients="zero")
