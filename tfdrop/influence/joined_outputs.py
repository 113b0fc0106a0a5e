"""Several outputs as one, so that derivatives have a single output to go through."""

import contextlib
import math

import keras
import numpy as np
from keras import ops

from tfdrop.influence.kept import kept_with
from tfdrop.influence.tensor_derivatives import hessian_product
from tfdrop.influence.weights import Weighted
from tfdrop.training.replicas import scope_of


def joined_outputs(model, used):
    """Returns a model with the outputs of another at some places, the only one or all joined to one of rank 2.

    It is the same each time, as what is compiled for it is kept with it.
    """
    kept, places = kept_with(model).joined, tuple(used)
    if places not in kept:
        with scope_of(model):
            kept[places] = _JoinedOutputs(model, used)
    return kept[places]


class _JoinedOutputs(keras.Model):
    def __init__(self, model, used):
        super().__init__(name=model.name, autocast=False)
        self._joined_model = model
        self._used = used
        self.built = True

    def call(self, x, training=False):
        outputs = keras.tree.flatten(self._joined_model(x, training=training))
        parts = [outputs[place] for place in self._used]
        if len(parts) == 1:
            return parts[0]
        joined = ops.concatenate([_flat(part) for part in parts], axis=-1)
        with contextlib.suppress(AttributeError):  # on JAX, where losses do not look behind a softmax for its logits
            joined._tfdrop_parts = parts
        return joined


def _flat(output):
    """Returns an output with one row a sample, whose length is known where it can be, as `ops.split` wants it."""
    if None in output.shape[1:]:
        return ops.reshape(output, (ops.shape(output)[0], -1))
    return ops.reshape(output, (-1, math.prod(output.shape[1:])))


class JoinedLoss:
    """The sum of several outputs' losses, as a function of the outputs joined; see `PerSampleLoss`.

    Args:
        losses: The `PerSampleLoss` of each output.
        shapes: The outputs' shapes without the batch axis.
    """

    def __init__(self, losses, shapes):
        self._losses = losses
        self._shapes = shapes
        self._sizes = [int(np.prod(shape)) for shape in shapes]
        self.expects_probabilities = any(loss.expects_probabilities for loss in losses)

    def __call__(self, y_true, y_pred):
        parts = getattr(y_pred, "_tfdrop_parts", None) or self._split(y_pred)
        return sum(loss(y, part) for loss, y, part in zip(self._losses, self._targets(y_true), parts, strict=True))

    def expected_hessian_product(self, y_true, y_pred, tangents):
        """Returns the Hessian of the losses' sum at the outputs, times `tangents`; see `PerSampleLoss`."""
        products = []
        # TensorFlow's forward mode may lose a shape that the outputs have.
        tangents = ops.reshape(tangents, ops.shape(y_pred))
        parts = zip(self._losses, self._targets(y_true), self._split(y_pred), self._split(tangents), strict=True)
        for size, (loss, y, part, tangent) in zip(self._sizes, parts, strict=True):
            if loss.expects_probabilities:
                product = loss.expected_hessian_product(y, part, tangent)
            else:
                product = hessian_product(lambda at, loss=loss, y=y: ops.sum(loss(y, at)), part, tangent)
            products.append(ops.reshape(ops.cast(product, tangents.dtype), (-1, size)))
        return ops.concatenate(products, axis=-1)

    def _targets(self, y_true):
        if isinstance(y_true, Weighted):
            return [Weighted(*each) for each in zip(y_true.labels, y_true.weights, strict=True)]
        return y_true

    def _split(self, joined):
        if joined.shape[-1] not in (None, sum(self._sizes)):
            raise ValueError(
                "Invalid value received for argument `model`. Expected several outputs of fixed shapes. Received: "
                f"outputs with {joined.shape[-1]} values per sample, where the first had {sum(self._sizes)}"
            )
        parts = ops.split(joined, np.cumsum(self._sizes)[:-1].tolist(), axis=-1)
        return [ops.reshape(part, (-1, *shape)) for part, shape in zip(parts, self._shapes, strict=True)]
