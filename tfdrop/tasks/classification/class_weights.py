"""--class_weight: how much the losses of each class count in training, and so in everything that asks the training."""

import math

import numpy as np

from tfdrop.errors import UserError, unknown

BALANCED = "balanced"


def class_weights(text, labels, classes):
    """Returns the weight of each class, shape `(classes,)`; `None` if none are set.

    Args:
        text: As `ClassifySettings.class_weight` has it.
        labels: The training images' labels, integers.
        classes: The classes' names.

    Raises:
        UserError: If a class is unknown or a weight is no number of at least 0.

    >>> class_weights("balanced", np.array([0, 0, 0, 1]), ("cat", "dog")).round(3).tolist()
    [0.667, 2.0]
    >>> class_weights("dog=3", np.array([0, 1]), ("cat", "dog")).tolist()
    [1.0, 3.0]
    """
    if not text:
        return None
    if text == BALANCED:
        counts = np.bincount(labels, minlength=len(classes))
        return len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    weights = np.ones(len(classes))
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        if name not in classes:
            raise unknown("class_weight", name or part, classes)
        weights[classes.index(name)] = _weight(text, number)
    if not weights[labels].any():
        raise UserError(f"--class_weight={text}: expected a weight above 0 for some class that has images")
    return weights


def _weight(text, number):
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise UserError(f"--class_weight={text}: expected numbers of at least 0. Received: {number}")
    return value
