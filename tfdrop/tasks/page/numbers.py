"""Numbers as texts: means over seeds with their intervals, shares with theirs."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from tfdrop.comparison import CONFIDENCE, paired_difference


def mean_text(values: Sequence[float], digits: int) -> str:
    """Returns a mean with its 95 % interval over the seeds; the number alone where there is one seed.

    >>> mean_text([7.0, 7.2, 7.1], 2), mean_text([7.0], 2), mean_text([7.0, 7.0], 1)
    ('7.10 [6.85, 7.35]', '7.00', '7.0')
    """
    found = paired_difference(values, np.zeros(len(values)))
    mean = f"{found.mean:.{digits}f}"
    return f"{mean} [{found.low:.{digits}f}, {found.high:.{digits}f}]" if np.isfinite(found.low) else mean


def share_interval(percent: float, samples: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of a share that was found on some samples, in percent.

    >>> low, high = share_interval(10.0, 100)
    >>> round(low, 2), round(high, 2)
    (5.52, 17.44)
    """
    interval = stats.binomtest(round(percent * samples / 100), samples).proportion_ci(CONFIDENCE, method="wilson")
    return 100 * float(interval.low), 100 * float(interval.high)


def count_text(number: float) -> str:
    """Returns a count, or the mean of some, with its thousands apart.

    >>> count_text(12345), count_text(12.5)
    ('12,345', '12.5')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def seconds_text(seconds: float) -> str:
    """Returns a time in the unit that suits it.

    >>> seconds_text(9.04), seconds_text(600), seconds_text(7300)
    ('9.0 s', '10.0 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
