"""A Keras loss as a function that gives one number a sample."""

import keras
from keras import ops


def per_sample_loss(loss):
    """Returns a function of `(y_true, y_pred)` that gives the loss of every sample, shape `(batch,)`.

    A sample's own axes are joined as the loss joins the whole batch: summed if its reduction is `"sum"`,
    averaged otherwise. So the mean over the samples is, for a loss that averages, the loss itself.

    Args:
        loss: A `keras.losses.Loss`, its name, or a function that keeps the batch axis, like those of
            `keras.losses`.

    Raises:
        ValueError: If `loss` is `None` or unknown to Keras.
        TypeError: If `loss` is a list or dictionary: one output and one loss are supported.
    """
    if loss is None:
        raise ValueError("Invalid value received for argument `loss`. Expected a Keras loss. Received: loss=None")
    if isinstance(loss, list | tuple | dict):
        raise TypeError(
            "Invalid value received for argument `loss`. "
            f"Expected one Keras loss for a model with one output. Received: loss={loss!r}"
        )
    loss = keras.losses.get(loss)
    elementwise = loss.call if isinstance(loss, keras.losses.Loss) else loss
    join = ops.sum if getattr(loss, "reduction", None) == "sum" else ops.mean

    def compute(y_true, y_pred):
        # As in `fit`: floats, and labels of shape (n,) for outputs of shape (n, 1).
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
            y_true = ops.expand_dims(y_true, -1)
        losses = ops.cast(elementwise(y_true, y_pred), "float32")
        inner_axes = tuple(range(1, len(losses.shape)))
        return join(losses, axis=inner_axes) if inner_axes else losses

    return compute
