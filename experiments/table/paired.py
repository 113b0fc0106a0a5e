"""What data dropout did beside its controls, paired by seed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.catalogue.experiment import Experiment
from tfdrop.comparison import paired_difference
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.state import finished_arms

FEWEST = 2  # seeds that an interval needs


def paired_lines(
    experiment: Experiment, states: Sequence[Any], value: Callable[[Mapping[str, Any]], float], digits: int
) -> list[str]:
    """Returns the lines of a table with a row for each arm that dropped samples by a ranking; none without two seeds.

    Args:
        experiment: The experiment.
        states: What its seeds came to.
        value: Function from an arm's result to the number that is compared.
        digits: Digits after the point.
    """
    lower_is_better = experiment.classifies
    rows = []
    for arm in experiment.arms:
        if arm.after and not arm.random:
            cells = [
                _cell(arm, control, states, value, lower_is_better, digits) for control in _controls(experiment, arm)
            ]
            if any(cells):
                rows.append(f"| {arm.name} | {' | '.join(cells)} |")
    if not rows:
        return []
    text = "Differences paired by seed, with the 95 % interval of Student's t:"
    return [text, "", "| arm | minus the full set | minus as many at random |", "|---|---|---|", *rows, ""]


def _controls(experiment: Experiment, arm: Arm) -> list[Arm | None]:
    """Returns the arms that an arm is compared with: on all samples, and without as many random ones."""
    alike = [other for other in experiment.arms if other.round == arm.round and other.settings == arm.settings]
    full = [other for other in alike if not other.after]
    random = [other for other in alike if other.random and _drops(other) == _drops(arm)]
    return [next(iter(found), None) for found in (full, random)]


def _drops(arm: Arm) -> tuple:
    return arm.after, arm.cap, arm.ranking, arm.threshold, arm.weight


def _cell(arm, control, states, value, lower_is_better, digits):
    if control is None:
        return ""
    both = [
        (done[arm.name], done[control.name])
        for state in states
        if {arm.name, control.name} <= (done := finished_arms(state)).keys()
    ]
    if len(both) < FEWEST:
        return ""
    difference = paired_difference(*zip(*((value(one), value(other)) for one, other in both), strict=True))
    return f"{difference.text(digits)}: {difference.verdict(lower_is_better)} (n={len(both)})"
