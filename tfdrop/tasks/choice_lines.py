"""What a report says of how many samples were dropped, and why; `cap_choice.py` chooses."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfdrop.tasks.ranking import TITLES


def choice_lines(found: Mapping[str, Any], what: str, digits: int) -> list[str]:
    """Returns the lines of a report about how many samples were dropped, and why.

    Args:
        found: What `tfdrop.tasks.cap_choice.chosen_cap` returned.
        what: What was measured, and on what.
        digits: Digits after the point.

    >>> found = {"dropped": [0, 5], "held_out": [[0.3, 0.5], [0.2, 0.4]], "standard_error": 0.01, "cap": 5}
    >>> print(*choice_lines(found | {"least_gain": 0.03}, "Brier score", 2), sep="\\n")
    How many to drop: Brier score, mean of 2 trainings; standard error of a difference 0.01, beyond chance from 0.03 on
      none: 0.40
      5: 0.30, -0.10
      Chosen: 5, the fewest that help and are within a standard error of the best.
    """
    means = np.mean(found["held_out"], axis=1)
    lines = [
        f"How many to drop: {what}, mean of {len(found['held_out'][0])} trainings; standard error of a difference "
        f"{found['standard_error']:.{digits}f}{beyond_chance(found, digits)}",
        f"  none: {means[0]:.{digits}f}",
    ]
    for name, mean in zip(candidate_names(found)[1:], means[1:], strict=True):
        lines.append(f"  {name}: {mean:.{digits}f}, {mean - means[0]:+.{digits}f}")
    if found["cap"]:
        why = "the fewest that help and are within a standard error of the best"
        return [*lines, f"  Chosen: {chosen_name(found)}, {why}."]
    return [*lines, "  No evidence that any number helps: none is chosen."]


def candidate_names(found: Mapping[str, Any]) -> list[str]:
    """Returns what tables call the candidates of a choice, the first of which drops nothing.

    >>> candidate_names({"dropped": [0, 5, 5], "rankings": ["influence", "influence", "aum"]})
    ['none', '5 by influence', '5 by the area under the margin']
    """
    rankings = found.get("rankings", [""] * len(found["dropped"]))
    names = [_name(count, ranking) for count, ranking in zip(found["dropped"], rankings, strict=True)]
    return ["none", *names[1:]]


def beyond_chance(found: Mapping[str, Any], digits: int) -> str:
    """Returns from what gain on a choice finds it beyond chance, in words; nothing where there was nothing to choose.

    Nor for runs of earlier releases, which did not keep it.
    """
    told = "least_gain" in found and len(found["dropped"]) > 1
    return f", beyond chance from {found['least_gain']:.{digits}f} on" if told else ""


def chosen_name(found: Mapping[str, Any]) -> str:
    """Returns what tables call the chosen candidate, of those that drop something."""
    return _name(found["cap"], found.get("ranking", ""))


def _name(count, ranking):
    return f"{count} by {TITLES[ranking]}" if ranking else f"{count}"
