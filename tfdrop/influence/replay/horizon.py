"""How far back a training is walked."""

from typing import Any

import numpy as np

from tfdrop.arguments import invalid, is_number

GROWTH = 2.0  # of the cotangent since the end of the training, that says that it grows without bound


class Horizon:
    """Follows the cotangent's norm on the walk back, and says when to stop.

    A product of many steps' derivatives grows without bound where a training was rough. `"auto"` stops once the
    cotangent is twice as long as it was at the end of the training, but not before every sample came up once: one that
    did not would have a score of 0.

    Args:
        share: Share of the training to walk back in (0, 1], or `"auto"`.
        steps: Steps of the training.
        least: Fewest steps that `"auto"` walks: those of an epoch.

    Attributes:
        norms: The norms so far, that at the end of the training first.

    Raises:
        ValueError: If `share` is neither.
    """

    def __init__(self, share: float | str, steps: int, least: int = 1):
        if share != "auto" and not (is_number(share) and 0 < share <= 1):
            raise invalid("horizon", 'a number in (0, 1] or "auto"', share)
        self._share = share
        self._steps = steps
        self._least = least
        self.norms: list[float] = []

    @property
    def first(self) -> int:
        """The first step of the training that may be walked back over."""
        return 0 if isinstance(self._share, str) else self._steps - max(1, round(self._share * self._steps))

    @property
    def is_past(self) -> bool:
        """Whether an automatic walk has to end here."""
        walked = len(self.norms) - 1
        return self._share == "auto" and walked >= self._least and self.norms[-1] > GROWTH * self.norms[0]

    def add(self, weights: Any) -> None:
        """Notes the norm of the weights' cotangent.

        Raises:
            ValueError: If it is not finite.
        """
        norm = float(np.sqrt(sum(np.sum(np.square(np.asarray(part, "float64"))) for part in weights)))
        self.norms.append(norm)
        if not np.isfinite(norm):
            walked = (len(self.norms) - 2) / self._steps
            expected = f"a share of less than {walked:.2g}, for a training whose derivatives overflow"
            raise invalid("horizon", expected, self._share)
