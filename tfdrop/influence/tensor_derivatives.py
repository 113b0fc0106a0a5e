"""Derivatives of functions of a single tensor, on the running backend."""

import keras


def hessian_product(function, at, tangent):
    """Returns the Hessian of a scalar function of a tensor, times a tensor of the same shape."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jvp(jax.grad(function), (at,), (tangent,))[1]
    import tensorflow as tf

    at = tf.identity(at)
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape() as outer:
        outer.watch(at)
        with tf.GradientTape() as inner:
            inner.watch(at)
            value = function(at)
        gradient = inner.gradient(value, at, unconnected_gradients=zero)
        aligned = tf.reduce_sum(gradient * tangent)
    return outer.gradient(aligned, at, unconnected_gradients=zero)


def directional_derivative(function, at, tangent):
    """Returns the gradient of a scalar function of a tensor, times a tensor of the same shape."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jvp(function, (at,), (tangent,))[1]
    import tensorflow as tf

    at = tf.identity(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tf.reduce_sum(tape.gradient(value, at, unconnected_gradients=tf.UnconnectedGradients.ZERO) * tangent)
