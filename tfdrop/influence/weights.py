"""What every sample, and every position in it, counts for in the loss: sample and class weights, masks, `ignore_class`.

Keras turns a mask into weights, and lets the loss average over the positions that are left IN A BATCH. A sample's loss
must not depend on the batch that it comes in, so here the average is over the positions left in all of the data, which
is what `Model.evaluate` computes with one batch of all samples.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask  # not public; Keras keeps masks beside the tensors on some backends

from tfdrop.arguments import invalid, is_number

WITHOUT_FACTOR = np.array([1.0, 1.0])


class Weighted(NamedTuple):
    """Labels with weights, where a loss is weighted; both an array, or a list with one for each output.

    Attributes:
        labels: The labels.
        weights: Weights of the samples, shape `(batch,)`, or of the positions in them, `(batch, positions)`.
    """

    labels: Any
    weights: Any


def outputs_and_masks(model, x):
    """Returns a model's outputs and their Keras masks (or `None`), flat lists, in inference mode."""
    outputs = keras.tree.flatten(model(x, training=False))
    return outputs, [get_keras_mask(output) for output in outputs]


def check_class_weight(class_weight, outputs):
    """Raises a `ValueError` unless it is `None`, or a dictionary of numbers by class for a model with one output."""
    if class_weight is None:
        return
    numbers = isinstance(class_weight, dict) and all(is_number(v) and v >= 0 for v in class_weight.values())
    if not numbers or outputs > 1:
        raise invalid("class_weight", "a dictionary {class: weight}, for a model with one output", class_weight)


def class_weights(labels, class_weight):
    """Returns the weight of every sample's class, as `fit` does: 1 of a class that is not listed."""
    classes = labels
    if labels.ndim > 1:
        classes = labels[..., 0] if labels.shape[-1] == 1 else np.argmax(labels, axis=-1)
    if classes.ndim > 1:
        raise invalid("class_weight", "None where samples have several labels", class_weight)
    if not (np.issubdtype(classes.dtype, np.number) or classes.dtype == bool):
        return np.ones(len(classes), "float32")  # the check of the samples refuses them
    return np.array([class_weight.get(int(c), 1.0) for c in np.round(classes)], "float32")


def weights_and_tally(loss, labels, weights, mask):
    """Returns the raw weights of one output's samples or positions, and what their common factor comes from.

    Args:
        loss: The output's `PerSampleLoss`.
        labels: The labels.
        weights: Sample weights or `None`.
        mask: The output's mask or `None`.

    Returns:
        Weights, or `None` where all count the same; and two numbers to add up over the batches, whose quotient, the
        first by the second, is the factor of the weights.
    """
    if loss.ignore_class is not None:
        places = labels[..., 0] if labels.ndim > 1 and labels.ndim == loss.output_rank else labels
        kept = places != loss.ignore_class
        mask = kept if mask is None else mask & kept
    if mask is not None:
        mask = np.asarray(mask, "float32")
        weights = mask if weights is None else _of_rank(weights, mask.ndim) * mask
    if weights is None:
        return None, WITHOUT_FACTOR
    weights = np.asarray(weights, "float32")
    if loss.reduction == "mean_with_sample_weight":
        return weights, np.array([weights.size, weights.sum()])
    if mask is not None and loss.reduction != "sum":
        return weights, np.array([mask.size, mask.sum()])
    return weights, WITHOUT_FACTOR


def _of_rank(weights, rank):
    weights = np.asarray(weights, "float32")
    if weights.ndim == rank + 1 and weights.shape[-1] == 1:
        return weights[..., 0]
    return weights.reshape(weights.shape + (1,) * (rank - weights.ndim))


def weighted(losses, weights):
    """Returns losses of samples, or of positions in them, times their weights."""
    if len(weights.shape) == len(losses.shape) + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    known = [(w, n) for w, n in zip(weights.shape, losses.shape, strict=False) if None not in (w, n)]
    if len(weights.shape) > len(losses.shape) or any(w not in (1, n) for w, n in known):
        raise ValueError(
            "Invalid value received for argument `sample_weight`. Expected one weight per sample, or one per value of "
            f"the loss, shape {tuple(losses.shape)}. Received: shape {tuple(weights.shape)}"
        )
    weights = ops.reshape(weights, tuple(ops.shape(weights)) + (1,) * (len(losses.shape) - len(weights.shape)))
    return losses * ops.cast(weights, losses.dtype)
