"""Where the dropped samples come from: classes, or the images that patches were cut from; what was done to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SHOWN = 5


def count_dropped(groups: Sequence[Any], dropped: np.ndarray) -> list[list[Any]]:
    """Returns `[group, dropped, samples]` of the groups that lost samples, those that lost most first.

    Args:
        groups: What each sample belongs to, shape `(n,)`.
        dropped: Indices of the dropped samples.

    >>> count_dropped(["cat", "dog", "cat", "bee"], np.array([0, 2, 3]))
    [['cat', 2, 2], ['bee', 1, 1]]
    """
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    totals, lost = (np.bincount(each, minlength=len(names)) for each in (numbers, numbers[dropped]))
    order = np.argsort(-lost, kind="stable")
    return [[names[place].item(), int(lost[place]), int(totals[place])] for place in order if lost[place]]


def dropped_line(counts: Sequence[Sequence[Any]], unit: str) -> str:
    """Returns the sentence of a report about `count_dropped`; nothing where none was dropped.

    >>> dropped_line([["cat", 7, 90], ["bee", 1, 80]], "class")
    'By class: cat (7 of 90), bee (1 of 80). More than half come from one class.'
    """
    if not counts:
        return ""
    parts = [f"{name} ({lost} of {samples})" for name, lost, samples in counts[:SHOWN]]
    more = f", and from {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    one = 2 * counts[0][1] > sum(lost for _, lost, _ in counts) > 1
    return f"By {unit}: {', '.join(parts)}{more}." + f" More than half come from one {unit}." * one


def dropped_word(found: Mapping[str, Any]) -> str:
    """Returns what a report says was done to the dropped samples of a round, whose result may have a `drop_weight`.

    >>> dropped_word({}), dropped_word({"drop_weight": 0.8})
    ('dropped', 'given the weight 0.8')
    """
    weight = found.get("drop_weight", 0.0)
    return f"given the weight {weight:g}" if weight else "dropped"
