"""The table: what each training without some samples came to."""

from collections.abc import Sequence

import numpy as np

from benchmarks import pages
from benchmarks.clean_set.trainings import LAST_EPOCH, OTHER, REPLAY, SAME, arm_name
from benchmarks.wrong_labels.arms import FULL, RANDOM
from benchmarks.wrong_labels.trainings import Outcome
from tfdrop.comparison import paired_difference


def table(found: Sequence[dict], counts: Sequence[int]) -> list[str]:
    """Returns the lines of a table: test errors in per cent, and their differences.

    Args:
        found: For each seed what each arm came to.
        counts: How many samples were dropped.
    """
    errors = {name: np.array([Outcome(*each[name]).error for each in found]) for name in found[0]}
    rankings = (LAST_EPOCH, REPLAY, RANDOM)
    rows = []
    for start in (SAME, OTHER):
        full = errors[arm_name(FULL, 0, start)]
        rows.append([start, FULL, "0", f"{full.mean():.2f}", "", ""])
        for count in counts:
            random = errors[arm_name(RANDOM, count, start)]
            for ranking in rankings:
                own = errors[arm_name(ranking, count, start)]
                beside = "" if ranking == RANDOM else paired_difference(own, random).text(2)
                row = [start, ranking, f"{count}", f"{own.mean():.2f}", paired_difference(own, full).text(2), beside]
                rows.append(row)
    header = ["trained from", "dropped by", "dropped", "test error, %", "minus nothing dropped", "minus random"]
    return pages.table(header, rows)
