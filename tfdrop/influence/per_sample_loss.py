"""A Keras loss as a function that gives one number per sample, and the curvature of that number."""

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.influence.weights import Weighted, weighted

# Probabilities closer to 0 and 1 than this are taken for this: in float32 a softmax may round to them.
SMALLEST_PROBABILITY = 1e-7


class PerSampleLoss:
    """A function of `(y_true, y_pred)` that gives the loss of every sample, shape `(batch,)`.

    A sample's own axes are reduced as the loss reduces the whole batch: summed if its reduction is `"sum"`,
    averaged otherwise. So for a loss that averages, the mean over the samples is the loss itself.

    With labels that are `Weighted`, each sample's values are multiplied by their weights before they are joined.

    Args:
        loss: A `keras.losses.Loss`, its name, or a function that keeps the batch axis, like those of
            `keras.losses`.
        weight: Factor of the loss beside those of other outputs, or `None`.
        output_rank: Number of axes of the output, with the batch axis, where known.

    Raises:
        ValueError: If `loss` is `None` or unknown to Keras, or, when called, does not give one number per sample.
        TypeError: If `loss` is a list or dictionary; `Objective` takes those apart.
    """

    def __init__(self, loss, weight=None, output_rank=None):
        if loss is None:
            raise invalid("loss", "a Keras loss", None)
        if isinstance(loss, list | tuple | dict):
            raise TypeError(
                "Invalid value received for argument `loss`. "
                f"Expected one Keras loss for a model with one output. Received: loss={loss!r}"
            )
        loss = keras.losses.get(loss)
        self._loss = loss
        self._elementwise = loss.call if isinstance(loss, keras.losses.Loss) else loss
        self.reduction = getattr(loss, "reduction", "sum_over_batch_size")
        self.ignore_class = getattr(loss, "ignore_class", None)
        self.output_rank = output_rank
        self._weight = weight
        self._join = ops.sum if self.sums else ops.mean

    @property
    def sums(self):
        """Whether the loss sums over a batch; otherwise it averages."""
        return self.reduction == "sum"

    def __call__(self, y_true, y_pred):
        y_true, weights = y_true if isinstance(y_true, Weighted) else (y_true, None)
        y_true, y_pred = _aligned(y_true, y_pred)
        losses = ops.cast(self._elementwise(y_true, y_pred), y_pred.dtype)
        if len(losses.shape) == 0 or (losses.shape[0] != y_pred.shape[0] and None not in losses.shape):
            raise ValueError(
                "Invalid value received for argument `loss`. Expected a loss with one number a sample, shape "
                f"({y_pred.shape[0]},). Received: {self._loss!r}, which gives shape {tuple(losses.shape)}"
            )
        if weights is not None:
            losses = weighted(losses, weights)
        losses = self._joined(losses)
        return losses if self._weight is None else self._weight * losses

    @property
    def name(self):
        """The loss's name."""
        return getattr(self._loss, "name", None) or getattr(self._loss, "__name__", repr(self._loss))

    def takes(self, labels, output):
        """Tells whether labels of a shape can belong to an output's shape, both without the batch axis.

        Of a loss that is not one of Keras's own, nothing is known.
        """
        function = getattr(self._loss, "fn", self._loss)
        if getattr(keras.losses, getattr(function, "__name__", ""), None) is not function:
            return True
        if self.expects_class_indices:
            return len(labels) == len(output) - 1 or (len(labels) == len(output) and labels[-1] == 1)
        if len(labels) == len(output):
            return not output or 1 in (labels[-1], output[-1]) or labels[-1] == output[-1]
        longer = max(labels, output, key=len)
        return abs(len(labels) - len(output)) == 1 and longer[-1] == 1

    def hint(self, labels):
        """Returns what may be wrong with labels of a shape that the loss does not take."""
        if self.expects_class_indices:
            return "; one-hot labels belong to CategoricalCrossentropy"
        if self._is("categorical_crossentropy") and labels in ((), (1,)):
            return "; class indices belong to SparseCategoricalCrossentropy"
        return ""

    @property
    def expects_class_indices(self):
        """Whether the labels are class indices, from 0 to the size of the outputs' last axis minus one."""
        return self._is("sparse_categorical_crossentropy") or getattr(self._loss, "expects_class_indices", False)

    @property
    def expects_probabilities(self):
        """Whether the loss is a cross-entropy of outputs that are probabilities, not logits."""
        names = ("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy")
        return any(map(self._is, names)) and not getattr(self._loss, "from_logits", False)

    def expected_hessian_product(self, y_true, y_pred, tangents):
        """Returns the Hessian of the losses' sum at probabilities `y_pred`, times `tangents`, averaged over labels.

        The label average, with the model's own probabilities, is `1 / p` on the diagonal (`1 / (p (1 - p))` for the
        binary cross-entropy). Pulled back through a softmax or sigmoid it is exactly the Hessian with respect to the
        logits, so that the Gauss-Newton matrix does not depend on whether a network ends in logits or probabilities.
        """
        y_true, weights = y_true if isinstance(y_true, Weighted) else (y_true, None)
        y_true, y_pred = _aligned(y_true, y_pred)
        p = ops.clip(y_pred, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        if self._is("binary_crossentropy"):
            products = tangents / (p * (1 - p) * float(p.shape[-1]))
        else:
            one_hot = self._is("categorical_crossentropy")
            weight = ops.sum(y_true, axis=-1, keepdims=True) if one_hot else 1.0
            products = weight * tangents / p
        if weights is not None:
            weights = ops.reshape(weights, tuple(ops.shape(weights)) + (1,) * (len(p.shape) - len(weights.shape)))
            products = products * ops.cast(weights, products.dtype)
        inner = np.prod(p.shape[1:-1]) if self._join is ops.mean and len(p.shape) > 2 else 1.0
        products = products / float(inner)
        return products if self._weight is None else self._weight * products

    def _is(self, name):
        """Tells whether this is the Keras loss of that name, as a class or as a function."""
        function = getattr(keras.losses, name)
        return self._loss is function or getattr(self._loss, "fn", None) is function

    def _joined(self, losses):
        inner_axes = tuple(range(1, len(losses.shape)))
        return self._join(losses, axis=inner_axes) if inner_axes else losses


def _aligned(y_true, y_pred):
    """Returns labels and outputs as `fit` would pair them: floats, and labels (n,) with outputs (n, 1)."""
    dtype = "float64" if keras.backend.standardize_dtype(y_pred.dtype) == "float64" else "float32"
    y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
    if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1)
    return y_true, y_pred
