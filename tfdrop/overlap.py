"""Do networks find the same samples unfavorable? Beside what chance gives: section V of the data dropout paper."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tfdrop.arguments import invalid

CONFIDENCE = 0.95


class Overlap(NamedTuple):
    """How many samples two sets share.

    Attributes:
        shared: Samples that are in both.
        expected: What two independent random sets of these sizes share on average.
        low: Lower end of the interval that holds 95 % of what such sets share.
        high: Its upper end.
        sizes: The sizes of the two sets.
    """

    shared: int
    expected: float
    low: int
    high: int
    sizes: tuple[int, int]

    @property
    def by_chance(self) -> bool:
        """Whether chance alone may share so many."""
        return self.low <= self.shared <= self.high


def overlap(one: ArrayLike, other: ArrayLike) -> Overlap:
    """Returns how many samples two networks both find unfavorable, beside what chance gives (hypergeometric).

    Args:
        one, other: Which samples each finds unfavorable: Booleans of shape `(n,)`, for the same samples.

    Raises:
        ValueError: If they are not Booleans of one shape `(n,)`.

    >>> overlap([True, True, False, False], [True, False, True, False])
    Overlap(shared=1, expected=1.0, low=0, high=2, sizes=(2, 2))
    """
    first, second = np.asarray(one), np.asarray(other)
    if first.dtype != bool or second.dtype != bool or first.ndim != 1 or first.shape != second.shape:
        received = f"{first.dtype} of shape {first.shape}, {second.dtype} of shape {second.shape}"
        raise invalid("other", "Booleans of one shape (n,), as `one`", received=received)
    sizes = (int(first.sum()), int(second.sum()))
    shared, expected = int((first & second).sum()), sizes[0] * sizes[1] / max(len(first), 1)
    if 0 in sizes or len(first) in sizes:  # nothing is left to chance
        return Overlap(shared, expected, shared, shared, sizes)
    low, high = (int(end) for end in stats.hypergeom(len(first), *sizes).interval(CONFIDENCE))
    return Overlap(shared, expected, low, high, sizes)
