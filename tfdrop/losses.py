"""Losses that the papers use and Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfdrop")
class HalfSumSquaredError(keras.losses.Loss):
    """Half the sum of squared errors of each sample, summed over the batch: DnCNN's training loss.

    Unlike `keras.losses.MeanSquaredError` nothing is divided by the number of pixels or samples, so a sample's
    loss grows with its size and its gradient does not depend on the batch that it comes in.

    Args:
        reduction: How the batch's losses are joined, as in every Keras loss. Defaults to `"sum"`.
        name: Optional name of the loss.
        dtype: The dtype of the loss's computations.
    """

    def __init__(self, reduction="sum", name="half_sum_squared_error", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        if len(y_true.shape) != len(y_pred.shape):
            raise ValueError(
                "Invalid value received for argument `y_true`. "
                f"Expected the rank of y_pred, {len(y_pred.shape)}. Received: shape {tuple(y_true.shape)}"
            )
        squares = ops.square(y_pred - y_true)
        return 0.5 * ops.sum(squares, axis=range(1, len(squares.shape)))
