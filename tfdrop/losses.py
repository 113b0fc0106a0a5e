"""Losses that the papers use and Keras lacks. Each is registered with Keras in `tfdrop.registration`."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import invalid


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
