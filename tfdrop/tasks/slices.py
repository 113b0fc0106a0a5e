"""Slices of what needs no talk: seeds, retrainings. Any scheduler can start them, in any order, on any machine."""

import re
from collections.abc import Sequence
from typing import Any

from tfdrop.errors import UserError

HELP = (
    "i/n: every n-th of the seeds, or, of a run from one seed, of the further --influence_seeds of its replay, from "
    "the i-th on, and no report; n such calls share the work, and one without --slice puts it together."
)


def slice_of(items: Sequence[Any], text: str) -> list[Any]:
    """Returns the items of a slice `"i/n"`: every n-th, from the i-th on.

    Raises:
        UserError: If it is no such text, or i is not from 1 to n.

    >>> slice_of(range(5), "2/2")
    [1, 3]
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    number, slices = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= slices:
        raise UserError(f"--slice={text}: expected i/n, with i from 1 to n")
    return list(items[number - 1 :: slices])
