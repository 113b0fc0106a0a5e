"""Weights of samples: numbers that multiply the samples' losses in a training, wherever they stand in a batch."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid

REDUCTIONS = ("sum", "sum_over_batch_size")


def checked_weights(sample_weights: ArrayLike, samples: int, loss: keras.losses.Loss) -> np.ndarray:
    """Returns weights of samples as an array that the loss takes.

    Raises:
        ValueError: If they are not `samples` numbers of at least 0, or the loss divides by their sum.
    """
    weights = np.asarray(sample_weights)
    if weights.shape != (samples,) or weights.dtype.kind not in "biuf":
        expected = f"an array of {samples} numbers, one a sample"
        raise invalid("sample_weights", expected, received=f"{weights.dtype} of shape {weights.shape}")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        received = f"{weights[wrong[0]]} for sample {wrong[0]}"
        raise invalid("sample_weights", "finite numbers of at least 0", received=received)
    check_loss(loss)
    return weights.astype(loss.dtype)


def check_loss(loss: keras.losses.Loss) -> None:
    """Raises a `ValueError` if a loss is not the sum or mean of what its samples' weights multiply."""
    if getattr(loss, "reduction", None) not in REDUCTIONS:
        what = "weights of samples, a record or several devices"
        expected = f"a Keras loss whose reduction is one of {REDUCTIONS}, for {what}"
        raise invalid("loss", expected, loss)


def weighted_loss(loss: keras.losses.Loss, y_true: Any, y_pred: Any, sample_weights: Any) -> Any:
    """Returns the loss of a batch whose samples' losses are multiplied by weights, if there are any.

    Keras would broadcast the weights along the last axis of a loss that has a value for each pixel or position.

    Raises:
        ValueError: If the loss has no values of single samples.
    """
    if sample_weights is None:
        return loss(y_true, y_pred)
    values = loss.call(
        *keras.tree.map_structure(lambda part: ops.convert_to_tensor(part, loss.dtype), (y_true, y_pred))
    )
    shape = tuple(values.shape)  # all that is used of the values; the compiler drops them
    if not shape or shape[0] != sample_weights.shape[0]:
        expected = "a loss with a value for each sample, for weights of samples, a record or several devices"
        raise invalid("loss", expected, received=f"{loss.name!r} with values of shape {shape}")
    return loss(y_true, y_pred, ops.reshape(sample_weights, (-1, *(1 for _ in shape[1:]))))
