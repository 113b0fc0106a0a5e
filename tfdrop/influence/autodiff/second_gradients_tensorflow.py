"""Gradients of gradients that TensorFlow lacks.

TensorFlow has a gradient of softsign and of bicubic resizing, but none of that gradient (`LookupError`). That of
bilinear resizing it takes for zero without a word: every second derivative and every forward-mode tangent through the
layer is then wrong (tensorflow 2.21, `ops.NotDifferentiable("ResizeBilinearGrad")`).
"""

import contextlib

import tensorflow as tf


def _softsign_gradient_gradient(op, cotangent):
    """Gradient of `gradient / (1 + |features|)^2`."""
    gradient, features = op.inputs
    denominator = 1 + tf.abs(features)
    with_gradient = cotangent / tf.square(denominator)
    return with_gradient, -2 * with_gradient * gradient * tf.sign(features) / denominator


def _resize_gradient_gradient(resize):
    """Returns the gradient of the gradient of a resizing operation: resizing is linear, so it is resizing itself."""

    def gradient(op, cotangent):
        size = tf.shape(op.inputs[0])[1:3]
        options = {name: op.get_attr(name) for name in ("align_corners", "half_pixel_centers")}
        return tf.cast(resize(images=cotangent, size=size, **options), op.inputs[0].dtype), None

    return gradient


SECOND_GRADIENTS = {
    "SoftsignGrad": _softsign_gradient_gradient,
    "ResizeBicubicGrad": _resize_gradient_gradient(tf.raw_ops.ResizeBicubic),
    "ResizeBilinearGrad": _resize_gradient_gradient(tf.raw_ops.ResizeBilinear),
}


def register_second_gradients():
    """Registers the gradients that TensorFlow lacks; those that it has by now are left as they are.

    Where this cannot be done, the derivatives are found wrong when they are checked, and differences take their place.
    """
    for name, gradient in SECOND_GRADIENTS.items():
        with contextlib.suppress(AttributeError, KeyError, ImportError):
            _forget_if_taken_for_zero(name)
            tf.RegisterGradient(name)(gradient)


def _forget_if_taken_for_zero(name):
    from tensorflow.python.framework import ops

    entries = ops._gradient_registry._registry
    if name in entries and ops._gradient_registry.lookup(name) is None:
        del entries[name]
