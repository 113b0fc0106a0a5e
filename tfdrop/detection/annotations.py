"""Images with the boxes of what is on them, however a set is stored, and what must hold of the boxes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

# PASCAL VOC's, in its order.
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
SLACK = 1.0  # pixels by which boxes of tools that count otherwise than VOC may lie outside


class Objects(NamedTuple):
    """The objects of an image.

    Attributes:
        boxes: float32 array of shape `(n, 4)`: left, top, right and bottom in pixels, the first pixel from 0 to 1.
        labels: int32 array of shape `(n,)`: places of the classes' names.
        difficult: Booleans of shape `(n,)`: objects that VOC neither asks for nor counts against a detector.
    """

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray


class Annotated(NamedTuple):
    """An image and what is on it.

    Attributes:
        name: What messages and results call it.
        file: Its file, a path; or the bytes of one.
        objects: Its `Objects`.
        size: `(height, width)` in pixels, which the image has to have; `None` if it is not noted.
    """

    name: str
    file: Path | bytes
    objects: Objects
    size: tuple[int, int] | None = None


def make_objects(
    name: str,
    boxes: ArrayLike,
    labels: ArrayLike,
    difficult: ArrayLike,
    size: tuple[int, int] | None,
) -> Objects:
    """Returns the objects of an image, once their boxes are checked.

    Args:
        name: What a message calls the image, or the file of its annotations.
        boxes: `(left, top, right, bottom)` of each object, as in `Objects`.
        labels: The places of their classes.
        difficult: Which are difficult.
        size: `(height, width)` of the image, if it is known. A box that is up to a pixel outside is cut, because not
            all tools count pixels from 1 as VOC does.

    Raises:
        ValueError: If a box has no area or lies outside the image.

    >>> make_objects("a.xml", [(0, 0, 5, 4)], [2], [False], (4, 5)).boxes.tolist()
    [[0.0, 0.0, 5.0, 4.0]]
    """
    found = np.asarray(boxes, "float32").reshape(-1, 4)
    for box in found:
        left, top, right, bottom = box
        shown = f"box {_shown(left)},{_shown(top)},{_shown(right)},{_shown(bottom)}"
        if not (np.isfinite(box).all() and right > left and bottom > top):
            raise ValueError(f"{name}: {shown} has no area (left,top,right,bottom from 0)")
        if size is not None:
            height, width = size
            if min(left, top) < -SLACK or right > width + SLACK or bottom > height + SLACK:
                raise ValueError(f"{name}: {shown} lies outside the image of {width}x{height} pixels")
    if size is not None and len(found):
        found = np.clip(found, 0, np.array([size[1], size[0]] * 2, "float32"))
    return Objects(found, np.asarray(labels, "int32"), np.asarray(difficult, bool))


def unannotated(file: str | Path) -> Annotated:
    """Returns an image of which nothing is known, for a detector to look at."""
    return Annotated(str(file), Path(file), make_objects("", [], [], [], None))


def without_difficult(objects: Objects) -> Objects:
    """Returns the objects that are not difficult, which are those that detectors are trained on."""
    return Objects(*(array[~objects.difficult] for array in objects))


def fingerprint(parts: Sequence[Sequence[Annotated]]) -> str:
    """Returns a text that is another one for other names, boxes or labels."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)};".encode())
        for image in part:
            digest.update(image.name.encode())
            for array in image.objects:
                digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _shown(number):
    return f"{number:.6g}"
