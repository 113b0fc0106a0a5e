"""What the trials of --max_drop=auto measure on each image that is held out."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfdrop.tasks.classification.answers import wrong_answers


def percent_wrong(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns 100 for each image whose most probable class is not its label, and 0 for the others; see `wrong_answers`.

    Where any class is as likely as another to stand in the place of the right one, the mean over wrong and right labels
    rises with that over right ones (Ghosh et al., 2017, on losses whose sum over the classes is constant).

    >>> percent_wrong(np.array([[0.5, 0.4, 0.1], [0.0, 1.0, 0.0]]), np.array([0, 2])).tolist()
    [0.0, 100.0]
    """
    return 100.0 * wrong_answers(probabilities, labels)


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns for each image the squared distance between the classes' probabilities and the label's one-hot row.

    >>> brier_scores(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1])).tolist()
    [0.5, 0.0]
    """
    return np.sum((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2, axis=1)


class HeldOutMeasure(NamedTuple):
    """A measure: its title, the digits that it is shown with, and the function."""

    title: str
    digits: int
    of_images: Callable[[np.ndarray, np.ndarray], np.ndarray]


BRIER = "brier"
HELD_OUT_MEASURES = {
    "error": HeldOutMeasure("error, %,", 2, percent_wrong),
    BRIER: HeldOutMeasure("Brier score", 4, brier_scores),
}


def measured(choice: Mapping[str, Any]) -> tuple[str, int]:
    """Returns what the trials behind a choice measured, in words, and the digits that it is shown with."""
    measure = HELD_OUT_MEASURES[choice.get("measure", BRIER)]  # which was the only one once
    return f"{measure.title} on {choice['images']} validation images that no score comes from", measure.digits
