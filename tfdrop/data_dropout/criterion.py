"""Which training samples to drop, given what influence says of each."""

import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid, is_number


@dataclass(frozen=True)
class Criterion:
    """Which training samples to drop: those whose total influence is positive (section III-B), or fewer.

    Taken literally, the criterion can drop almost half of the samples, as influences sum to about zero at an optimum. A
    threshold or a cap drops fewer, those with the largest influence first.

    Args:
        threshold: Influence that a sample must exceed; 0 is the paper's. Minus infinity leaves it to the caps, as for
            scores that have no zero: `tfdrop.data_dropout.rankings`.
        cap: The most samples to drop: a float in [0, 1] is a share, an integer a number. `None` is the paper's.
        class_cap: The same for each class separately; for labels that are classes, as integers or one-hot.

    Raises:
        ValueError: If an argument is out of range.

    >>> Criterion(cap=1).unfavorable([0.5, -1.0, 0.7]).tolist()
    [False, False, True]
    """

    threshold: float = 0.0
    cap: float | int | None = None
    class_cap: float | int | None = None

    def __post_init__(self) -> None:
        if not is_number(self.threshold) and self.threshold != -math.inf:
            raise invalid("threshold", "a finite number, or minus infinity", self.threshold)
        for name in ("cap", "class_cap"):
            value = getattr(self, name)
            share = isinstance(value, float) and 0 <= value <= 1
            number = isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 0
            if value is not None and not (share or number):
                raise invalid(name, "a float in [0, 1], an integer of at least 0, or None", value)

    def unfavorable(self, scores: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Marks the training samples to drop.

        Args:
            scores: Total influence of every training sample, shape `(n,)`.
            labels: Their classes, for `class_cap`: integers of shape `(n,)`, or one-hot of shape `(n, classes)`.

        Returns:
            Boolean array of shape `(n,)`, true for the samples to drop.

        Raises:
            ValueError: If a score is not finite, or classes are needed and missing.
        """
        scores = np.asarray(scores)
        if not np.isfinite(scores).all():
            first = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise invalid("scores", "finite numbers", received=f"{scores[first]} for sample {first}")
        dropped = scores > self.threshold
        if self.class_cap is not None:
            classes = labels_as_classes(labels, len(scores))
            for label in np.unique(classes):
                _unmark_all_but_largest(dropped, scores, np.flatnonzero(classes == label), self.class_cap)
        if self.cap is not None:
            _unmark_all_but_largest(dropped, scores, np.arange(len(scores)), self.cap)
        return dropped


def labels_as_classes(labels: Any, samples: int) -> np.ndarray:
    """Returns labels as integers of shape `(samples,)`, from integers or one-hot rows.

    Raises:
        ValueError: If they are neither.
    """
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] > 1 and _is_one_hot(found):
        found = found.argmax(axis=1)
    if found.shape not in ((samples,), (samples, 1)) or not np.issubdtype(found.dtype, np.integer):
        shown = f"{type(labels).__name__}" if labels is None else f"{found.dtype} of shape {found.shape}"
        raise invalid("labels", f"{samples} integer or one-hot labels, for a cap by class", received=shown)
    return found.reshape(samples)


def _is_one_hot(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "biuf" and bool(((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all())


def _unmark_all_but_largest(dropped: np.ndarray, scores: np.ndarray, group: np.ndarray, cap: float | int) -> None:
    """Clears the marks of a group's samples except those with the largest scores, as many as the cap allows."""
    most = int(cap * len(group) + 1e-9) if isinstance(cap, float) else cap
    marked = group[dropped[group]]
    dropped[marked[np.argsort(-scores[marked], kind="stable")[most:]]] = False
