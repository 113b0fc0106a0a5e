"""Mean average precision by PASCAL VOC's rules: 11 points (until 2009), and the area under the curve (since 2010)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfdrop.arguments import check_share, invalid
from tfdrop.detection.annotations import Objects

POINTS = np.linspace(0, 1, 11)


class Detections(NamedTuple):
    """What a detector found on an image.

    Attributes:
        boxes: Array of shape `(n, 4)`: left, top, right, bottom, as in `Objects`.
        labels: Integers of shape `(n,)`: places of the classes' names.
        scores: Floats of shape `(n,)`: how sure it is of each.
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


class AveragePrecision(NamedTuple):
    """Average precision of each class, as shares; `nan` for a class of which no image has an object.

    Attributes:
        eleven_points: Mean over the recalls 0, 0.1, ..., 1 of the best precision at that recall or more; shape
            `(classes,)`. VOC 2007's measure.
        area: Area under the precision as a function of recall, made to fall; shape `(classes,)`.
    """

    eleven_points: np.ndarray
    area: np.ndarray

    def mean(self) -> dict[str, float]:
        """Returns the means over the classes that there are; `nan` if there are none."""
        return {
            name: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
            for name, values in self._asdict().items()
        }


def average_precision(
    found: Sequence[Detections], truth: Sequence[Objects], classes: int, overlap: float = 0.5
) -> AveragePrecision:
    """Returns the average precision of each class.

    In the order of their scores, each detection is held against that object of its class and image which it overlaps
    most. It is right if they overlap enough and no detection before it was right about that object; else it is wrong.
    About a difficult object it is neither, and those are not missed either.

    Args:
        found: The `Detections` of each image.
        truth: The `Objects` of each image, in the same order.
        classes: Number of classes.
        overlap: Least intersection over union.

    Raises:
        ValueError: If there are not as many detections as images, or a box is not four numbers.

    >>> truth = [Objects(np.array([[0, 0, 10, 10]]), np.array([0]), np.array([False]))]
    >>> found = [Detections(np.array([[0, 0, 10, 9], [20, 20, 30, 30]]), np.array([0, 0]), np.array([0.9, 0.8]))]
    >>> average_precision(found, truth, classes=1).mean()
    {'eleven_points': 1.0, 'area': 1.0}
    """
    if len(found) != len(truth):
        raise invalid("found", f"{len(truth)} detections, one for each image", received=f"{len(found)}")
    check_share("overlap", overlap, positive=True)
    for boxes in (*(each.boxes for each in found), *(each.boxes for each in truth)):
        if np.ndim(boxes) != 2 or np.shape(boxes)[1] != 4:
            raise invalid("found", "boxes of shape (n, 4)", received=f"shape {np.shape(boxes)}")
    curves = [_curve(found, truth, label, overlap) for label in range(classes)]
    return AveragePrecision(
        np.array([_eleven_points(*curve) for curve in curves]), np.array([_area(*curve) for curve in curves])
    )


def intersection_over_union(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the overlap of one box, shape `(4,)`, with each of several, shape `(n, 4)`.

    >>> intersection_over_union(np.array([0, 0, 2, 2]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 4, 4]])).round(3)
    array([1.   , 0.333, 0.   ])
    """
    corners = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(corners[1] - corners[0], 0, None).prod(axis=1)
    own, others = np.prod(box[2:] - box[:2]), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return common / np.maximum(own + others - common, 1e-12)


def _curve(found, truth, label, overlap):
    """Returns recall and precision after each detection of a class that counts, and how many objects there are."""
    of_class = [objects.labels == label for objects in truth]
    boxes = [np.asarray(objects.boxes, float)[mask] for objects, mask in zip(truth, of_class, strict=True)]
    difficult = [objects.difficult[mask] for objects, mask in zip(truth, of_class, strict=True)]
    objects = sum(int((~each).sum()) for each in difficult)
    taken = [np.zeros(len(each), bool) for each in boxes]
    right = []
    for image, box in _by_score(found, label):
        overlaps = intersection_over_union(box, boxes[image])
        best = int(overlaps.argmax()) if len(overlaps) else -1
        if best < 0 or overlaps[best] < overlap:
            right.append(False)
        elif not difficult[image][best]:
            right.append(not taken[image][best])
            taken[image][best] = True
    hits = np.cumsum(right, dtype=float)
    return hits / max(objects, 1), hits / np.arange(1, len(hits) + 1), objects


def _by_score(found, label):
    """Returns `(image, box)` of all detections of a class, the surest first."""
    places = [(image, at) for image, each in enumerate(found) for at in np.flatnonzero(each.labels == label)]
    scores = np.array([found[image].scores[at] for image, at in places])
    order = np.argsort(-scores, kind="stable")
    return [(places[at][0], np.asarray(found[places[at][0]].boxes[places[at][1]], float)) for at in order]


def _eleven_points(recall, precision, objects):
    if not objects:
        return np.nan
    # Recalls are fractions: 0.3 is reached by 3 of 10, whatever the last bit of either says.
    reached = [precision[recall >= point - 1e-9] for point in POINTS]
    return float(np.mean([values.max(initial=0.0) for values in reached]))


def _area(recall, precision, objects):
    if not objects:
        return np.nan
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * falling))
