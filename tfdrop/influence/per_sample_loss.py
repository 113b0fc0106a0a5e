"""A Keras loss as a function that gives one number a sample, and the curvature of that number."""

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import invalid

# Probabilities closer to 0 and 1 than this are taken for this: in float32 a softmax may round to them.
SMALLEST_PROBABILITY = 1e-7


class PerSampleLoss:
    """A function of `(y_true, y_pred)` that gives the loss of every sample, shape `(batch,)`.

    A sample's own axes are joined as the loss joins the whole batch: summed if its reduction is `"sum"`,
    averaged otherwise. So the mean over the samples is, for a loss that averages, the loss itself.

    Args:
        loss: A `keras.losses.Loss`, its name, or a function that keeps the batch axis, like those of
            `keras.losses`.

    Raises:
        ValueError: If `loss` is `None` or unknown to Keras, or, when called, gives other than one number a sample.
        TypeError: If `loss` is a list or dictionary: one output and one loss are supported.
    """

    def __init__(self, loss):
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
        self._join = ops.sum if getattr(loss, "reduction", None) == "sum" else ops.mean

    def __call__(self, y_true, y_pred):
        y_true, y_pred = _aligned(y_true, y_pred)
        losses = ops.cast(self._elementwise(y_true, y_pred), y_pred.dtype)
        if len(losses.shape) == 0 or (losses.shape[0] != y_pred.shape[0] and None not in losses.shape):
            raise ValueError(
                "Invalid value received for argument `loss`. Expected a loss with one number a sample, shape "
                f"({y_pred.shape[0]},). Received: {self._loss!r}, which gives shape {tuple(losses.shape)}"
            )
        return self._joined(losses)

    @property
    def expects_class_indices(self):
        """Whether the labels are numbers of classes: 0 to the last axis of the outputs, less one."""
        return self._is("sparse_categorical_crossentropy") and getattr(self._loss, "ignore_class", None) is None

    @property
    def expects_probabilities(self):
        """Whether the loss is a cross-entropy of outputs that are probabilities, not logits."""
        names = ("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy")
        differs = getattr(self._loss, "from_logits", False) or getattr(self._loss, "ignore_class", None) is not None
        return any(map(self._is, names)) and not differs

    def expected_hessian_product(self, y_true, y_pred, tangents):
        """Returns the Hessian of the losses' sum at probabilities `y_pred`, times `tangents`, averaged over labels.

        The label average, with the model's own probabilities, is `1 / p` on the diagonal (`1 / (p (1 - p))` for the
        binary cross-entropy). Pulled back through a softmax or sigmoid it is exactly the Hessian with respect to the
        logits, so that the Gauss-Newton matrix does not depend on whether a network ends in logits or probabilities.
        """
        y_true, y_pred = _aligned(y_true, y_pred)
        p = ops.clip(y_pred, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        if self._is("binary_crossentropy"):
            products = tangents / (p * (1 - p) * float(p.shape[-1]))
        else:
            one_hot = self._is("categorical_crossentropy")
            weight = ops.sum(y_true, axis=-1, keepdims=True) if one_hot else 1.0
            products = weight * tangents / p
        inner = np.prod(p.shape[1:-1]) if self._join is ops.mean and len(p.shape) > 2 else 1.0
        return products / float(inner)

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
