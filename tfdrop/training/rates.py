"""The learning rates that a training had, where they were changed from outside."""

import bisect
import math
from pathlib import Path

END = "."  # of a line in the file, which a process that is killed may not have written whole


class Rates:
    """Learning rates by the steps from which on they hold, kept in memory and in a file that is only added to.

    Args:
        path: The file; `None` for none.

    >>> rates = Rates(None)
    >>> for step, rate in ((0, 0.1), (5, 0.1), (7, 0.01)):
    ...     if rates.is_new(step, rate):
    ...         rates.note(step, rate)
    >>> rates.of(6), rates.of(7)
    (0.1, 0.01)
    """

    def __init__(self, path: Path | None):
        self._path = path
        self._changes: list[tuple[int, float]] = []
        for line in path.read_text().splitlines() if path is not None and path.exists() else []:
            if line.endswith(END):
                step, rate, _ = line.split()
                self._put(int(step), float(rate))

    def of(self, step: int) -> float | None:
        """Returns the rate of a step, `None` if it was not noted."""
        place = bisect.bisect_right(self._changes, (step, math.inf))
        return self._changes[place - 1][1] if place else None

    def is_new(self, step: int, rate: float) -> bool:
        """Tells whether a rate from a step on is another than was noted, of that step or of later ones."""
        return self.of(step) != rate or self._changes[-1][0] > step

    def note(self, step: int, rate: float) -> None:
        """Keeps the rate from a step on, in the place of what an interrupted run noted of that step and later ones."""
        self._put(step, rate)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(f"\n{step} {rate!r} {END}")

    def _put(self, step, rate):
        del self._changes[bisect.bisect_left(self._changes, (step, -math.inf)) :]
        self._changes.append((step, rate))
