"""What may rank training samples in the place of influence."""

from typing import NamedTuple

import numpy as np

INFLUENCE_RANKING = "influence"
OF_OUTPUTS = ("loss", "el2n", "aum", "forgetting")  # what a training gives away, as in `tfdrop.data_dropout.rankings`
RANKINGS = (INFLUENCE_RANKING, *OF_OUTPUTS, "self_influence", "confident_learning", "random")
TITLES = {
    "loss": "the training loss",
    "el2n": "EL2N",
    "aum": "the area under the margin",
    "forgetting": "forgetting events",
    "self_influence": "self-influence",
    "confident_learning": "confident learning",
    "random": "chance",
}


class Ranking(NamedTuple):
    """Scores of training samples that are no influence on a validation set.

    Attributes:
        name: One of `RANKINGS`.
        scores: The largest is dropped first, shape `(n,)`; there is no zero that parts good from bad.
        trainings: Number of trainings that they are the mean of.
        spread: Standard deviation of the scores over these trainings, shape `(n,)`; `None` of one.
    """

    name: str
    scores: np.ndarray
    trainings: int = 1
    spread: np.ndarray | None = None
