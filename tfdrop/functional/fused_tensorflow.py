"""Batch normalization as one operation in each direction, on TensorFlow.

Keras computes it from a dozen operations, in float32, each of which reads or writes all feature maps. On a processor
they can take more of a step's time than the convolutions do, most of all where these are in bfloat16.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from keras.layers import BatchNormalization

TYPES = ("bfloat16", "float16", "float32")
_swapping = threading.RLock()  # one thread at a time, so that each puts back what it found


@contextlib.contextmanager
def fused_batch_normalization() -> Iterator[None]:
    """Lets Keras's batch normalization use the fused operation in what this thread traces inside the context.

    For training, of images with their channels last; elsewhere the layer is as it was. Outputs, moving statistics and
    gradients are the same but for rounding. But the derivatives of the moving statistics are zero, as the operation has
    none: not for a training that is differentiated.
    """
    thread = threading.get_ident()

    def call(self: BatchNormalization, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        ours = threading.get_ident() == thread and training and mask is None
        if ours and _is_fusible(self, inputs):
            return _fused(self, inputs)
        return plain(self, inputs, training=training, mask=mask)

    with _swapping:
        plain = BatchNormalization.call
        BatchNormalization.call = call
        try:
            yield
        finally:
            BatchNormalization.call = plain


def _is_fusible(layer: BatchNormalization, inputs: tf.Tensor) -> bool:
    """Tells whether the operation computes what a layer does. A class that inherits from it may do something else."""
    return (
        type(layer) is BatchNormalization
        and layer.trainable
        and not (layer.synchronized or getattr(layer, "renorm", False))  # which older releases of Keras do not have
        and inputs.dtype.name == layer.compute_dtype
        and layer.compute_dtype in TYPES
        and len(inputs.shape) == 4
        and layer.axis in (-1, 3)
    )


def _fused(layer: BatchNormalization, inputs: tf.Tensor) -> tf.Tensor:
    channels = layer.moving_mean.shape[0]
    scale = tf.cast(layer.gamma, "float32") if layer.scale else tf.ones(channels)
    offset = tf.cast(layer.beta, "float32") if layer.center else tf.zeros(channels)
    # TensorFlow's Python function would raise an epsilon of 1e-5.
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=scale, offset=offset, mean=[], variance=[], epsilon=layer.epsilon
    )
    # The operation's is that of a sample, divided by one less than the number of pixels; Keras keeps the mean square.
    pixels = tf.cast(tf.size(inputs, out_type=tf.int64) // channels, "float32")
    variance *= tf.maximum(pixels - 1, 1) / pixels
    for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(tf.cast(moving, "float32") * layer.momentum + new * (1 - layer.momentum))
    return outputs
