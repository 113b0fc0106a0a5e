"""How far back a training is walked."""

from typing import Any

import numpy as np

from tfdrop.arguments import invalid, is_number

PAST_THE_SHORTEST = 2.0  # the growth of the cotangent that says that its shortest length lies behind


class Horizon:
    """Follows the cotangent's norm on the walk back, and says when to stop and which steps count.

    A product of many steps' derivatives grows without bound where a training was rough. `"auto"` counts the steps up to
    the one behind which the cotangent is shortest, and stops once it has grown to twice that. Those of an epoch count
    in any case: a sample that does not come up in those that count has a score of 0.

    Args:
        share: Share of the training to walk back in (0, 1], or `"auto"`.
        steps: Steps of the training.
        least: Fewest steps that `"auto"` counts: those of an epoch.

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
    def is_auto(self) -> bool:
        """Whether the norms decide."""
        return self._share == "auto"

    @property
    def last(self) -> int:
        """The first step of the training that may be walked back over."""
        return 0 if isinstance(self._share, str) else self._steps - max(1, round(self._share * self._steps))

    @property
    def is_shortest(self) -> bool:
        """Whether the cotangent is shortest now, of those that count."""
        candidates = self.norms[self._least :]
        return bool(candidates) and bool(self.norms[-1] <= min(candidates))

    @property
    def is_past(self) -> bool:
        """Whether the walk has passed the shortest cotangent for good."""
        candidates = self.norms[self._least :]
        return self.is_auto and bool(candidates) and not self.norms[-1] <= PAST_THE_SHORTEST * min(candidates)

    def add(self, weights: Any) -> None:
        """Notes the norm of the weights' cotangent.

        Raises:
            ValueError: If it is not finite, and all of the walk was asked for.
        """
        norm = float(np.sqrt(sum(np.sum(np.square(np.asarray(part, "float64"))) for part in weights)))
        self.norms.append(norm)
        if not np.isfinite(norm) and not self.is_auto:
            raise invalid(
                "horizon",
                f'"auto", or a share of less than {(len(self.norms) - 1) / self._steps:.2g}, for a training whose '
                "derivatives overflow",
                self._share,
            )
