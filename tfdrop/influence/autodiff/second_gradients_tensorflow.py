"""Gradients of gradients that TensorFlow lacks.

TensorFlow has a gradient of softsign and of bicubic resizing, but none of that gradient (`LookupError`). That of
bilinear resizing it takes for zero without a word (tensorflow 2.21, `ops.NotDifferentiable("ResizeBilinearGrad")`) and
so keeps nothing to compute it from: there differences take the place of derivatives.
"""

import contextlib

import tensorflow as tf


def _softsign_gradient_gradient(op, cotangent):
    """Gradient of `gradient / (1 + |features|)^2`."""
    gradient, features = op.inputs
    denominator = 1 + tf.abs(features)
    with_gradient = cotangent / tf.square(denominator)
    return with_gradient, -2 * with_gradient * gradient * tf.sign(features) / denominator


def _bicubic_gradient_gradient(op, cotangent):
    """Resizing is linear, so the gradient of its gradient is resizing itself."""
    size = tf.shape(op.inputs[0])[1:3]
    options = {name: op.get_attr(name) for name in ("align_corners", "half_pixel_centers")}
    return tf.cast(tf.raw_ops.ResizeBicubic(images=cotangent, size=size, **options), op.inputs[0].dtype), None


SECOND_GRADIENTS = {
    "SoftsignGrad": _softsign_gradient_gradient,
    "ResizeBicubicGrad": _bicubic_gradient_gradient,
}


def register_second_gradients():
    """Registers the gradients that TensorFlow lacks; those that it has by now are left as they are."""
    for name, gradient in SECOND_GRADIENTS.items():
        with contextlib.suppress(KeyError):
            tf.RegisterGradient(name)(gradient)
