"""What flags and settings of earlier releases are called now, so that old commands and old folders go on working."""

from collections.abc import Callable, Mapping
from typing import Any

from tfdrop.arguments import check_choice

PRECISIONS = ("float32", "mixed_bfloat16")
Former = Mapping[str, tuple[str, Callable[[Any], Any]]]

# For each former name the name of today, and a function that turns its value into that of today.
EVERYWHERE: Former = {"influence_solver": ("influence", str)}
DENOISING: Former = {
    **EVERYWHERE,
    "max_drop_share": ("max_drop", float),
    "precision": ("mixed_precision", lambda value: check_choice("precision", value, PRECISIONS) != PRECISIONS[0]),
}


def renamed(values: Mapping[str, Any], former: Former) -> dict[str, Any]:
    """Returns settings by the names of today.

    >>> renamed({"precision": "mixed_bfloat16", "sigma": 25.0}, DENOISING)
    {'mixed_precision': True, 'sigma': 25.0}
    """
    found = {}
    for name, value in values.items():
        today, convert = former.get(name, (name, lambda value: value))
        found[today] = convert(value)
    return found
