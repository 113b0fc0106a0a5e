"""What may rank training samples in the place of influence."""

import importlib.util
from typing import NamedTuple

import numpy as np

from tfdrop.errors import UserError

INFLUENCE_RANKING = "influence"
OF_OUTPUTS = ("loss", "el2n", "aum", "forgetting")  # what a training gives away, as in `tfdrop.data_dropout.rankings`
CONFIDENT = "confident_learning"
AUTO = "auto"  # the best of these
TRIED_RANKINGS = (INFLUENCE_RANKING, "el2n")
RANKINGS = (INFLUENCE_RANKING, *OF_OUTPUTS, "self_influence", CONFIDENT, "random")
TITLES = {
    INFLUENCE_RANKING: "influence",
    "loss": "the training loss",
    "el2n": "EL2N",
    "aum": "the area under the margin",
    "forgetting": "forgetting events",
    "self_influence": "self-influence",
    CONFIDENT: "confident learning",
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


def check_ranking(rank_by: str) -> None:
    """Raises a `UserError` if what a ranking needs is not installed."""
    if rank_by == CONFIDENT and importlib.util.find_spec("cleanlab") is None:
        raise UserError(f'--rank_by={rank_by}: needs cleanlab, pip install ".[cleanlab]"')
