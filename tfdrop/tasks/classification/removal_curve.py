"""--curve: the measure against the share of samples that are dropped, beside as many random ones."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfdrop.checkpoint import replace
from tfdrop.comparison import paired_difference
from tfdrop.tasks.arm import FULL, Arm, round_name
from tfdrop.tasks.classification.settings import ClassifySettings

CURVE = "removal_curve.png"
WORST, AT_RANDOM = "without the worst {:g} %", "without random {:g} %"


def curve_arms(settings: ClassifySettings, samples: int) -> tuple[Arm, ...]:
    """Returns the arms of the curve: for each share the worst dropped, positive or not, and as many at random.

    Args:
        settings: The run's settings.
        samples: Number of training samples.
    """
    return tuple(
        Arm(
            name.format(share),
            round=settings.rounds,
            after=round_name(1),
            random=name is AT_RANDOM,
            cap=round(share / 100 * samples),
            threshold=-math.inf,
            weight=settings.drop_weight,
        )
        for share in _shares(settings.curve)
        for name in (WORST, AT_RANDOM)
    )


def _shares(percents: Sequence[float]) -> list[float]:
    return sorted({share for share in percents if share > 0})


class Point(NamedTuple):
    """A point of the curve.

    Attributes:
        share: The share dropped, in percent.
        worst: The measure without the worst, a number for each seed.
        random: The measure without as many random ones.
    """

    share: float
    worst: np.ndarray
    random: np.ndarray


def curve_points(values: Mapping[str, Sequence[float]], shares: Sequence[float]) -> list[Point]:
    """Returns the points of the curve, that where nothing is dropped first.

    Args:
        values: By the trainings' names, a number of each seed.
        shares: The shares dropped, in percent.
    """
    nothing = np.asarray(values[FULL if FULL in values else round_name(1)])
    points = [Point(0.0, nothing, nothing)]
    for share in _shares(shares):
        points.append(Point(share, *(np.asarray(values[name.format(share)]) for name in (WORST, AT_RANDOM))))
    return points


def curve_lines(
    values: Mapping[str, Sequence[float]], shares: Sequence[float], what: str, digits: int, lower_is_better: bool
) -> list[str]:
    """Returns the lines of a report about the curve.

    Args:
        values, shares: As for `curve_points`.
        what: What the numbers are, with their unit.
        digits: Digits after the point.
        lower_is_better: Whether smaller numbers are better ones.

    >>> values = {"round 1": [7.0, 7.2], "without the worst 3 %": [6.0, 6.1], "without random 3 %": [7.1, 7.3]}
    >>> print(*curve_lines(values, [0, 3], "test error, %", 2, lower_is_better=True), sep="\\n")
    <BLANKLINE>
    Removal curve: test error, %, mean of 2 seeds; paired differences with their 95 % intervals
      nothing dropped: 7.10
      3 %: 6.05; minus nothing dropped -1.05 [-1.69, -0.41]: helps; minus random -1.15 [-1.79, -0.51]: helps
    """
    (_, nothing, _), *points = curve_points(values, shares)
    seeds = len(nothing)
    told = f"mean of {seeds} seeds; paired differences with their 95 % intervals" if seeds > 1 else "one seed"
    lines = ["", f"Removal curve: {what}, {told}", f"  nothing dropped: {nothing.mean():.{digits}f}"]
    for share, worst, random in points:
        line = f"  {share:g} %: {worst.mean():.{digits}f}"
        for name, others in (("nothing dropped", nothing), ("random", random)):
            found = paired_difference(worst, others)
            verdict = f": {found.verdict(lower_is_better)}" if seeds > 1 else ""
            line += f"; minus {name} {found.text(digits)}{verdict}"
        lines.append(line)
    return lines


def draw_curve(
    folder: Path, values: Mapping[str, Sequence[float]], shares: Sequence[float], what: str, dropped: str
) -> None:
    """Writes the picture of the curve, with the standard deviations of the seeds.

    Args:
        folder: Where to.
        values, shares: As for `curve_points`.
        what: What the numbers are, with their unit.
        dropped: What the worst samples were ranked by.
    """
    from tfdrop import plots  # here, because a report of lines alone should not wait for it

    points = curve_points(values, shares)
    lines = {
        f"worst by {dropped}": plots.Line.of_seeds((point.share, point.worst) for point in points),
        "random": plots.Line.of_seeds((point.share, point.random) for point in points),
    }
    panel = plots.Panel("training samples dropped, %", what, lines)
    replace(folder / CURVE, lambda path: plots.dependence(path, [panel]))
