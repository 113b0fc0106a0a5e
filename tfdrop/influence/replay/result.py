"""What a replay finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfdrop.arguments import check_number, invalid


@dataclass(frozen=True)
class ReplayInfluence:
    """What `replay_influence` returns.

    Attributes:
        scores: Array of shape `(n,)`: n times the derivative of the summed measure with respect to each sample's weight
            in the training, in the units of `Influence.scores`. Positive means unfavorable: leaving the sample out
            lowers the measure.
        measure: What was summed over the validation samples.
        value: That sum.
        horizon: The share of the training that the scores are from, counted from its end.
        norms: Norm of the derivative with respect to the weights after each step, from the last step to the first that
            was walked back over; one more than the number of steps walked.
        kept: Number of states that were read from the record.
        recomputed: Number of states that were computed again between them.
        smoothness: How smoothly the training answers its samples' weights, at most 1; `None` if that was not asked.
        trainings: Number of trainings that the scores are the mean of.
        trimmed: Number of trainings whose lowest, and whose highest, score of each sample the mean leaves out.
        spread: Standard deviation of the scores over an ensemble's trainings, shape `(n,)`; `None` of one training.
    """

    scores: np.ndarray
    measure: str
    value: float
    horizon: float
    norms: np.ndarray
    kept: int
    recomputed: int
    smoothness: float | None = None
    trainings: int = 1
    spread: np.ndarray | None = None
    trimmed: int = 0

    @property
    def removal_effect(self) -> np.ndarray:
        """Predicted change of the summed measure when a sample is left out of the same training: `-scores / n`."""
        return -self.scores / len(self.scores)


def mean_influence(found: Sequence[ReplayInfluence], trim: float = 0.0) -> ReplayInfluence:
    """Returns the mean of the influences of trainings with several seeds on the same samples.

    A training's own seed decides much of what its samples did to it; the mean foretells trainings with other seeds.

    Args:
        found: At least one `ReplayInfluence` of the same samples and measure.
        trim: Share of the trainings, in [0, 0.5], whose lowest scores of each sample are left out of the mean, and as
            many highest ones: a rough training's largest scores are out of all proportion. 0.5 is the median.

    Returns:
        A `ReplayInfluence` with the mean of the scores, values and horizons, the spread of all the scores, and the
        smoothness of the roughest; the norms are those of the first.

    Raises:
        ValueError: If there is none, they differ in samples or measure, or `trim` is out of its range.
    """
    if not 0 <= check_number("trim", trim) <= 0.5:
        raise invalid("trim", "a number in [0, 0.5]", trim)
    if not found:
        raise invalid("found", "at least one ReplayInfluence", found)
    if len({(len(each.scores), each.measure) for each in found}) > 1:
        received = ", ".join(f"{each.measure} of {len(each.scores)} samples" for each in found)
        raise invalid("found", "influences of the same samples on the same measure", received=received)
    scores = np.stack([each.scores for each in found])
    cut = min(round(trim * len(found)), (len(found) - 1) // 2)
    trimmed = np.sort(scores, axis=0)[cut : len(found) - cut] if cut else scores
    return ReplayInfluence(
        scores=trimmed.mean(axis=0),
        measure=found[0].measure,
        value=float(np.mean([each.value for each in found])),
        horizon=float(np.mean([each.horizon for each in found])),
        norms=found[0].norms,
        kept=sum(each.kept for each in found),
        recomputed=sum(each.recomputed for each in found),
        smoothness=min((each.smoothness for each in found if each.smoothness is not None), default=None),
        trainings=len(found),
        spread=scores.std(axis=0, ddof=1) if len(found) > 1 else None,
        trimmed=cut,
    )
