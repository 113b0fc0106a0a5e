"""Pictures with what a detector finds on them, and where the objects are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from tfdrop.arguments import invalid
from tfdrop.plots.style import COLOURS, Target, new_figure, save, show_picture

EXPECTED = "white"
COLUMNS = 4
WIDTH, CAPTION = 2.6, 0.25  # inches of a picture and its caption


class Boxes(NamedTuple):
    """What was found on a picture.

    Attributes:
        boxes: Array of shape `(n, 4)`: left, top, right, bottom in pixels.
        labels: Integers of shape `(n,)`, one colour each.
        texts: What is written at each.
    """

    boxes: np.ndarray
    labels: np.ndarray
    texts: Sequence[str]


class DetectionPicture(NamedTuple):
    """A picture, what was found on it, and what is on it.

    Attributes:
        pixels: Array of shape `(height, width, 3)` in [0, 1].
        caption: What is written under it.
        found: The `Boxes`.
        expected: Array of shape `(n, 4)`: the true boxes, which are dashed.
    """

    pixels: np.ndarray
    caption: str
    found: Boxes
    expected: np.ndarray


def detections(target: Target, pictures: Sequence[DetectionPicture], columns: int = COLUMNS) -> None:
    """Writes pictures in rows: found boxes with their texts in their class's colour, true ones white and dashed.

    Args:
        target: Where to write.
        pictures: The `DetectionPicture`s.
        columns: Pictures per row.

    Raises:
        ValueError: If there are no pictures.
    """
    if not pictures:
        raise invalid("pictures", "at least one", received="none")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    tallest = max(len(picture.pixels) / picture.pixels.shape[1] for picture in pictures)
    figure = new_figure(WIDTH * columns, (WIDTH * min(tallest, 2.0) + CAPTION) * rows)
    all_axes = figure.subplots(rows, columns, squeeze=False).flat
    for axes in all_axes:
        axes.set_axis_off()
    for axes, picture in zip(figure.axes, pictures, strict=False):
        axes.set_axis_on()
        show_picture(axes, picture.pixels, picture.caption, fontsize=7)
        for box in picture.expected:
            axes.add_patch(_rectangle(box, EXPECTED, linestyle="--", linewidth=1))
        for box, label, text in reversed(list(zip(*picture.found, strict=True))):  # the first one on top
            _show_found(axes, box, COLOURS[int(label) % len(COLOURS)], text, len(picture.pixels))
    save(figure, target)


def _show_found(axes, box, colour, text, height):
    axes.add_patch(_rectangle(box, colour, linewidth=1.8))
    above = box[1] > height / 12  # else there is no room for the text
    axes.text(
        box[0] - 0.5,
        box[1] - 0.5,
        text,
        color="white",
        fontsize=6,
        va="bottom" if above else "top",
        clip_on=True,
        parse_math=False,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
    )


def _rectangle(box, colour, **style):
    # The first pixel is shown from -0.5 to 0.5, and counted from 0 to 1.
    left, top, right, bottom = np.asarray(box) - 0.5
    return Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, **style)
