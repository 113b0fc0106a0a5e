"""What a report says of the controls, and of the last round beside them."""

from collections.abc import Mapping, Sequence

from tfdrop.comparison import Difference, paired_difference
from tfdrop.tasks.arm import FULL, RANDOM, round_name


def meaning_lines(names: Sequence[str], rounds: int, unit: str) -> list[str]:
    """Returns the lines that say what the controls are.

    Args:
        names: The names of the trainings.
        rounds: Number of rounds.
        unit: What a sample is, in the plural.

    >>> meaning_lines(["round 1", "round 2", "random drop"], 2, "images")[-1]
    'random drop: the same with as many images drawn at random.'
    """
    meaning = {
        FULL: f"the last round's settings on all {unit}",
        RANDOM: f"the same with as many {unit} drawn at random",
    }
    lines = [f"{name}: {meaning[name]}." for name in names if name in meaning]
    if rounds > 1 and RANDOM in names and FULL not in names:
        lines.insert(0, "round 1 is also the control on the full set: the last round's settings are the same.")
    return ["", *lines] if lines else []


def comparison_lines(
    values: Mapping[str, Sequence[float]], rounds: int, what: str, digits: int, lower_is_better: bool
) -> list[str]:
    """Returns the lines of the paired differences between the last round and its controls, each with a verdict.

    Args:
        values: By the trainings' names, a number of each seed; trainings that not every seed has are left out.
        rounds: Number of rounds; round 1 stands for the control on the full set where there is none of its own.
        what: What the numbers are, with their unit.
        digits: Digits after the point.
        lower_is_better: Whether smaller numbers are better ones.

    >>> values = {"round 1": [7.0, 7.2, 7.1], "round 2": [6.0, 6.1, 6.2], "random drop": [6.0, 6.4, 6.1]}
    >>> print(*comparison_lines(values, 2, "test error, %", 2, lower_is_better=True), sep="\\n")
    <BLANKLINE>
    Round 2 beside its controls: test error, %, mean difference over 3 paired seeds with its 95 % interval
      minus round 1: -1.00 [-1.25, -0.75]: helps
      minus random drop: -0.07 [-0.58, +0.45]: cannot be told from chance
    >>> print(*comparison_lines({"round 1": [7.0], "round 2": [6.0]}, 2, "test error, %", 2, True)[1:], sep="\\n")
    Round 2 beside its controls: test error, %, of one seed
      minus round 1: -1.00: cannot be told from chance
    One seed tells no difference from chance: --seeds=5 gives intervals.
    """
    last, found = round_name(rounds), control_differences(values, rounds)
    seeds = len(values.get(last, ()))
    if not found:
        return []
    how = f"mean difference over {seeds} paired seeds with its 95 % interval" if seeds > 1 else "of one seed"
    lines = ["", f"{last.capitalize()} beside its controls: {what}, {how}"]
    for name, difference in found.items():
        lines.append(f"  minus {name}: {difference.text(digits)}: {difference.verdict(lower_is_better)}")
    if seeds == 1:
        lines.append("One seed tells no difference from chance: --seeds=5 gives intervals.")
    return lines


def control_differences(values: Mapping[str, Sequence[float]], rounds: int) -> dict[str, Difference]:
    """Returns the paired differences between the last round and its controls, by the controls' names.

    Args:
        values, rounds: As for `comparison_lines`.
    """
    last = round_name(rounds)
    full = FULL if FULL in values else round_name(1)
    seeds = len(values.get(last, ()))
    others = [name for name in (full, RANDOM) if name != last and 0 < len(values.get(name, ())) == seeds]
    return {name: paired_difference(values[last], values[name]) for name in others}
