"""Comparing trainings that were paired by their seeds, with an interval that says what chance alone may do."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from tfdrop.arguments import invalid

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """A mean difference with its interval.

    Attributes:
        mean: The mean over the pairs.
        low: Lower end of the 95 % interval; minus infinity where the pairs do not differ among each other, or there is
            one alone: a few coarse numbers may agree by chance.
        high: Its upper end.
    """

    mean: float
    low: float
    high: float

    def verdict(self, lower_is_better: bool) -> str:
        """Returns "helps" or "hurts" where the interval excludes zero, else "cannot be told from chance"."""
        if self.low <= 0 <= self.high:
            return "cannot be told from chance"
        return "helps" if (self.mean < 0) == lower_is_better else "hurts"

    def text(self, digits: int) -> str:
        """Returns the mean and, where there is one, the interval.

        >>> paired_difference([1.0, 2.0, 2.0], [1.5, 2.25, 3.0]).text(2)
        '-0.58 [-1.53, +0.37]'
        """
        mean = f"{self.mean:+.{digits}f}"
        return f"{mean} [{self.low:+.{digits}f}, {self.high:+.{digits}f}]" if np.isfinite(self.low) else mean


def paired_difference(values: ArrayLike, others: ArrayLike) -> Difference:
    """Returns the mean of `values - others` with the 95 % interval of Student's t.

    Args:
        values: One number a seed, shape `(n,)`.
        others: The numbers that they are compared with, of the same seeds.

    Raises:
        ValueError: If they are not of one shape `(n,)` with n of at least 1.

    >>> difference = paired_difference([1.0, 2.0, 2.0], [3.0, 4.1, 3.9])
    >>> difference.verdict(lower_is_better=True), difference.verdict(lower_is_better=False)
    ('helps', 'hurts')
    """
    one, other = (np.asarray(each, "float64") for each in (values, others))
    if one.ndim != 1 or one.shape != other.shape or len(one) == 0:
        raise invalid("others", "as many numbers as `values`, at least one", received=f"{one.shape} and {other.shape}")
    found = one - other
    mean = float(found.mean())
    if np.ptp(found) == 0:
        return Difference(mean, -np.inf, np.inf)
    half = float(stdtrit(len(found) - 1, (1 + CONFIDENCE) / 2) * found.std(ddof=1) / np.sqrt(len(found)))
    return Difference(mean, mean - half, mean + half)
