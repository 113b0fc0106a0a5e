"""Losses that the papers use and Keras lacks. Each is registered with Keras in `tfdrop.registration`."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, invalid


@keras.saving.register_keras_serializable("tfdrop")
class HalfSumSquaredError(keras.losses.Loss):
    """Half the sum of squared errors of each sample, summed over the batch: DnCNN's training loss.

    Unlike in `keras.losses.MeanSquaredError`, nothing is divided by the number of pixels or samples. A sample's loss
    therefore grows with its size, and its gradient does not depend on the batch it comes in.

    Args:
        reduction: How the losses of the batch are combined, as in every Keras loss. Defaults to `"sum"`.
        name: Optional name of the loss.
        dtype: The dtype of the loss's computations.

    Raises:
        ValueError: On a call, if `y_true` and `y_pred` have different ranks.

    >>> float(HalfSumSquaredError()([[0.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 3.0]]))
    3.0
    """

    def __init__(self, reduction: str | None = "sum", name: str = "half_sum_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        if len(y_true.shape) != len(y_pred.shape):
            expected = f"the rank of y_pred, {len(y_pred.shape)}"
            raise invalid("y_true", expected, received=f"y_true.shape={tuple(y_true.shape)}")
        squares = ops.square(y_pred - y_true)
        return 0.5 * ops.sum(squares, axis=range(1, len(squares.shape)))


@keras.saving.register_keras_serializable("tfdrop")
class NegativePSNR(keras.losses.Loss):
    """Minus the peak signal-to-noise ratio of each image, in dB: what denoisers are compared by, the lower the better.

    Every image counts alike, whatever its size and however hard it is, unlike in a sum of squared errors. Values are
    neither clipped nor rounded, as in `tfdrop.metrics.psnr` with `protocol="float"`. An image without any error has
    an infinite one.

    Args:
        max_value: The largest value that a pixel can have.
        reduction: How the values of the batch are combined, as in every Keras loss.
        name: Optional name of the loss.
        dtype: The dtype of the loss's computations.

    Raises:
        ValueError: If `max_value` is not positive; on a call, if `y_true` and `y_pred` have images of different shapes.

    >>> round(float(NegativePSNR()([[0.0, 0.0]], [[0.1, 0.1]])), 4)
    -20.0
    """

    def __init__(
        self,
        max_value: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "negative_psnr",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not max_value > 0:
            raise invalid("max_value", "a positive number", max_value)
        self.max_value = max_value

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        known = [pair for pair in zip(y_true.shape[1:], y_pred.shape[1:], strict=False) if None not in pair]
        if len(y_true.shape) != len(y_pred.shape) or any(one != other for one, other in known):
            expected = f"images of the shape of y_pred, {tuple(y_pred.shape)}"
            raise invalid("y_true", expected, received=f"y_true.shape={tuple(y_true.shape)}")
        errors = (y_pred - y_true) / self.max_value
        return 10 / np.log(10) * ops.log(ops.mean(ops.square(errors), axis=range(1, len(errors.shape))))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_value": self.max_value}


KINDS = ("sparse_categorical", "categorical", "binary")


@keras.saving.register_keras_serializable("tfdrop")
class ExpectedError(keras.losses.Loss):
    """1 - p(label): the error of answers drawn with the probabilities that a classifier gives.

    Unlike a cross-entropy it is bounded, so that a sample with a wrong label cannot outweigh hundreds of others. It is
    meant to measure, not to train: its gradient vanishes where a classifier is surely wrong.

    Args:
        kind: What labels are: `"sparse_categorical"` for class indices, `"categorical"` for one-hot rows, `"binary"`
            for 0 and 1.
        from_logits: Whether the outputs are logits; otherwise they are probabilities.
        reduction: How the values of the batch are combined, as in every Keras loss.
        name: Optional name of the loss.
        dtype: The dtype of the loss's computations.

    Raises:
        ValueError: If `kind` is unknown.

    >>> loss = ExpectedError("sparse_categorical", from_logits=False)
    >>> round(float(loss([0, 1], [[0.9, 0.1], [0.8, 0.2]])), 4)
    0.45
    """

    def __init__(
        self,
        kind: str,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "expected_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.kind = check_choice("kind", kind, KINDS)
        self.from_logits = from_logits
        self.expects_class_indices = kind == "sparse_categorical"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_pred = ops.convert_to_tensor(y_pred)
        if self.kind == "binary":
            p = ops.sigmoid(y_pred) if self.from_logits else y_pred
            y_true = ops.cast(y_true, p.dtype)
            return ops.mean(y_true * (1 - p) + (1 - y_true) * p, axis=-1)
        p = ops.softmax(y_pred) if self.from_logits else y_pred
        if self.expects_class_indices:
            y_true = ops.cast(y_true, "int32")
            if len(y_true.shape) == len(p.shape):
                y_true = ops.squeeze(y_true, -1)
            y_true = ops.one_hot(y_true, p.shape[-1])
        return 1 - ops.sum(ops.cast(y_true, p.dtype) * p, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind, "from_logits": self.from_logits}
