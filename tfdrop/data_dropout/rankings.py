"""Rankings of training samples without influence: what a training gives away about them, and cleanlab's.

Every ranking is an array of shape `(n,)`; what has the larger number is to be dropped sooner. The first four take the
outputs of a classifier for its training samples after each epoch, the logits, shape `(epochs, n, classes)`, and integer
labels of shape `(n,)`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax

from tfdrop.arguments import invalid


def last_losses(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns the cross-entropy of each sample after the last epoch.

    >>> last_losses([[[0.0, 0.0]], [[0.0, 0.0]]], [1]).round(3).tolist()
    [0.693]
    """
    outputs, classes = checked(logits, labels)
    return -_of_label(log_softmax(outputs[-1], axis=-1), classes)


def error_norms(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns EL2N: the norm of the difference between probabilities and one-hot label, early in the training.

    It is taken after a tenth of the epochs, as Paul et al. (2021) take it; they average it over trainings.

    >>> error_norms([[[0.0, 0.0]]], [0]).round(3).tolist()
    [0.707]
    """
    outputs, classes = checked(logits, labels)
    early = softmax(outputs[max(1, round(len(outputs) / 10)) - 1], axis=-1)
    return np.linalg.norm(early - np.eye(early.shape[-1])[classes], axis=-1)


def negative_margins(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns minus the area under the margin: how far the label's logit is below the largest other, mean over epochs.

    Pleiss et al. (2020); positive where some other class was thought more likely.

    >>> negative_margins([[[2.0, 1.0]], [[0.0, 2.0]]], [0]).tolist()
    [0.5]
    """
    outputs, classes = checked(logits, labels)
    own = _of_label(outputs, classes)
    others = np.where(np.eye(outputs.shape[-1], dtype=bool)[classes], -np.inf, outputs).max(axis=-1)
    return (others - own).mean(axis=0)


def forgetting_events(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns how often each sample was forgotten: right after an epoch and wrong after the next.

    Toneva et al. (2019). One that was never right counts as forgotten in every epoch. Many are equal: between those the
    mean of 1 - p(label), which is below 1, decides.

    >>> forgetting_events([[[9.0, 0.0]], [[0.0, 9.0]], [[9.0, 0.0]]], [0]).round(2).tolist()
    [1.33]
    """
    outputs, classes = checked(logits, labels)
    right = outputs.argmax(axis=-1) == classes
    events = (right[:-1] & ~right[1:]).sum(axis=0)
    doubt = 1 - _of_label(softmax(outputs, axis=-1), classes).mean(axis=0)
    return np.where(right.any(axis=0), events, len(outputs)) + np.minimum(doubt, 1 - 1e-9)


def confident_learning(probabilities: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns cleanlab's ranking (Northcutt et al., 2021): 1 minus the quality of each label.

    Args:
        probabilities: For each sample the probabilities that a network that was not trained on it gives to the classes,
            shape `(n, classes)`.
        labels: Integers of shape `(n,)`.

    Raises:
        ImportError: If cleanlab is not installed.
    """
    from cleanlab.rank import get_label_quality_scores

    outputs, classes = checked(np.asarray(probabilities)[None], labels)
    return 1 - np.asarray(get_label_quality_scores(classes, outputs[0]))


OF_OUTPUTS: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "loss": last_losses,
    "el2n": error_norms,
    "aum": negative_margins,
    "forgetting": forgetting_events,
}


def checked(outputs: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns outputs in float64 and labels as integers.

    Raises:
        ValueError: If they are not of shapes `(epochs, n, classes)` and `(n,)`, or not finite, or no such classes.
    """
    found, classes = np.asarray(outputs, "float64"), np.asarray(labels)
    if found.ndim != 3 or not len(found) or found.shape[-1] < 2:
        raise invalid("logits", "an array of shape (epochs, n, classes)", received=f"shape {found.shape}")
    if not np.isfinite(found).all():
        raise invalid("logits", "finite numbers", received=f"{found[~np.isfinite(found)][0]}")
    shape, most = found.shape[1:2], found.shape[-1] - 1
    whole = classes.shape == shape and np.issubdtype(classes.dtype, np.integer)
    if not whole or (len(classes) and not 0 <= classes.min() <= classes.max() <= most):
        expected = f"integers from 0 to {most}, shape {shape}"
        raise invalid("labels", expected, received=f"{classes.dtype} of shape {classes.shape}")
    return found, classes


def _of_label(values, classes):
    return np.take_along_axis(values, np.broadcast_to(classes, values.shape[:-1])[..., None], axis=-1)[..., 0]
