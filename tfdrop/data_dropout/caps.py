"""How many samples to drop: chosen by training without them, on samples that neither trained nor scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tfdrop.arguments import check_whole, invalid
from tfdrop.data_dropout.criterion import Criterion

CAPS: tuple[float | int | None, ...] = (0.01, 0.03, 0.1, 0.2, 0.3, None)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class CapChoice:
    """What trainings without some samples came to.

    Attributes:
        dropped: How many samples each candidate drops, fewest first: nothing, then as the caps say.
        values: What was measured, lower is better: the means over the samples, shape `(candidates, seeds)`.
        standard_error: Standard error of the difference of two candidates' means: over other seeds and other samples.
        least_gain: How far below dropping nothing a candidate's mean has to be, to be better beyond chance.
        chosen: Index of the candidate that was chosen; 0 drops nothing.
    """

    dropped: tuple[int, ...]
    values: np.ndarray
    standard_error: float
    least_gain: float
    chosen: int

    @property
    def cap(self) -> int:
        """The most samples to drop, as `Criterion` takes it; 0 where there is no evidence that dropping helps."""
        return self.dropped[self.chosen]


def drop_counts(scores: ArrayLike, caps: Sequence[float | int | None] = CAPS, threshold: float = 0.0) -> list[int]:
    """Returns how many samples `choose_cap` tries to drop, fewest first: nothing, and what each cap leaves to drop.

    >>> drop_counts([3.0, 2.0, 1.0, -1.0], caps=(0.25, 0.5, 3, None))
    [0, 1, 2, 3]
    """
    scores = np.asarray(scores)
    counts = {int(Criterion(threshold, cap).unfavorable(scores).sum()) for cap in caps}
    return sorted({0} | {count for count in counts if count < len(scores)})


def choose_cap(
    scores: ArrayLike,
    measure_without: Callable[[np.ndarray, int], ArrayLike],
    caps: Sequence[float | int | None] = CAPS,
    seeds: int = 3,
    threshold: float = 0.0,
) -> CapChoice:
    """Chooses how many samples to drop by trainings without them.

    Each candidate is trained from the same seeds. Of those that are better than dropping nothing beyond chance, at 95 %
    with Bonferroni's correction for the candidates, the one that drops fewest samples and is within one standard error
    of the best is chosen; nothing is dropped if there is none. The standard error is that of a difference of two
    candidates, pooled over all: what other seeds and other samples to measure on would change, by analysis of variance
    with both crossed.

    Args:
        scores: Total influence of every training sample, shape `(n,)`.
        measure_without: Function `(kept, seed) -> values`: trains on the samples `kept`, indices in order, from a seed,
            an integer counted from 0, and measures the network, lower is better, on each of some samples, always the
            same, that it was not trained on and that the scores do not come from. Shape `(m,)`, m at least 2.
        caps: Candidates, as `Criterion` takes them; dropping nothing is always one.
        seeds: Number of trainings of each candidate, at least 2.
        threshold: As `Criterion` takes it; minus infinity for scores that are no influence and have no zero.

    Returns:
        A `CapChoice`.

    Raises:
        ValueError: If there are fewer than two seeds, or a score or a measured number is not finite.

    >>> wrong, rng = np.arange(100) < 10, np.random.default_rng(0)
    >>> def measure_without(kept, seed):
    ...     return wrong[kept].mean() + 0.01 * (100 - len(kept)) / 100 + 0.001 * rng.random(50)
    >>> choice = choose_cap(np.where(wrong, 2.0, 1.0), measure_without)
    >>> choice.dropped, choice.cap
    ((0, 1, 3, 10, 20, 30), 10)
    """
    scores = np.asarray(scores)
    counts = drop_counts(scores, caps, threshold)

    def measured(candidate: int, seed: int) -> ArrayLike:
        return measure_without(np.flatnonzero(~Criterion(threshold, counts[candidate]).unfavorable(scores)), seed)

    return choose_candidate(counts, measured, seeds)


def choose_candidate(dropped: Sequence[int], measured: Callable[[int, int], ArrayLike], seeds: int = 3) -> CapChoice:
    """Chooses among candidates that may rank the samples in several ways; see `choose_cap`.

    Args:
        dropped: How many samples each candidate drops, fewest first: nothing, then whatever is tried.
        measured: Function `(candidate, seed) -> values` of a candidate's index, otherwise as `measure_without` there.
        seeds: Number of trainings of each candidate, at least 2.

    Raises:
        ValueError: As `choose_cap`.

    >>> def measured(candidate, seed):
    ...     return (3.0, 2.9, 2.5)[candidate] + np.arange(4) + seed
    >>> choose_candidate([0, 5, 5], measured).chosen
    2
    """
    if check_whole("seeds", seeds) < 2:
        raise invalid("seeds", "at least 2, as one tells no difference from chance", seeds)
    found: list[np.ndarray] = []
    for candidate in range(len(dropped)):
        for seed in range(seeds):
            found.append(np.asarray(measured(candidate, seed), "float64"))
            _check_values(found[-1], found[0].shape)
    values = np.reshape(found, (len(dropped), seeds, -1))
    means = values.mean(axis=2)
    error = least = 0.0
    if others := len(dropped) - 1:
        error = _standard_error(values)
        # Of the parts of the error, the one with the fewest degrees of freedom decides: more would be too many.
        degrees = others * (min(values.shape[1:]) - 1)
        least = float(stats.t.ppf(1 - (1 - CONFIDENCE) / others, degrees)) * error
    return CapChoice(tuple(dropped), means, error, least, _chosen(dropped, means.mean(axis=1), error, least))


def _check_values(found: np.ndarray, shape: tuple[int, ...]) -> None:
    if found.ndim != 1 or len(found) < 2 or found.shape != shape:
        expected = "a function that returns values of always the same samples, at least 2, shape (m,)"
        raise invalid("measure_without", expected, received=f"shape {found.shape}")
    if not np.isfinite(found).all():
        bad = found[~np.isfinite(found)][0]
        raise invalid("measure_without", "a function that returns finite numbers", received=f"{bad}")


def _chosen(dropped: Sequence[int], means: np.ndarray, error: float, least: float) -> int:
    """Returns the candidate that is chosen, by the means of all; the better of two that drop as many."""
    better = means[0] - means > least
    near = np.flatnonzero(better & (means <= means.min() + error))
    return min(near.tolist(), key=lambda row: (dropped[row], means[row]), default=0)


def _standard_error(values: np.ndarray) -> float:
    """Returns the standard error of a difference of two rows' means, of values of shape `(rows, seeds, samples)`.

    Both variances of means contain that of single values, which is subtracted once. The sum counts as no less than any
    of the three, so that it is too large rather than too small where one is small by chance.
    """
    over_seeds, over_samples = _variance(values.mean(axis=2)), _variance(values.mean(axis=1))
    single = _variance(values)
    return float(np.sqrt(max(over_seeds + over_samples - single, over_seeds, over_samples, single)))


def _variance(values: np.ndarray) -> float:
    """Returns the variance of a difference of two rows' means, from what is left once every margin is taken away."""
    rest, degrees = values, np.prod(np.array(values.shape) - 1)
    for axis in range(values.ndim):
        rest = rest - rest.mean(axis=axis, keepdims=True)
    return float(2 * np.sum(rest**2) / degrees / np.prod(values.shape[1:]))
