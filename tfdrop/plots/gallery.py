"""Small images in rows: Data Dropout, Fig. 2."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.plots.style import Target, frame, new_figure, save, show_picture

LETTERS_UNDER_A_TILE = 20


def gallery(
    target: Target,
    patches: np.ndarray,
    captions: Sequence[str],
    columns: int = 8,
    marked: ArrayLike | None = None,
) -> None:
    """Writes small images in rows, each with a caption under it.

    Args:
        target: Where to write.
        patches: Array of shape `(n, size, size)`, `(n, size, size, 1)` or, in colour, `(n, size, size, 3)`, in [0, 1].
        captions: A text for each; long lines are wrapped. Without any images the picture says that there are none.
        columns: Images per row.
        marked: Which images get a frame, booleans of shape `(n,)`: those that were dropped, for example.

    Raises:
        ValueError: If the number of captions or marks is not that of the images.
    """
    marks = np.zeros(len(patches), bool) if marked is None else np.asarray(marked, bool)
    if len(captions) != len(patches):
        raise invalid("captions", f"{len(patches)} texts, one for each image", received=f"{len(captions)}")
    if marks.shape != (len(patches),):
        raise invalid("marked", f"{len(patches)} booleans, one for each image", received=f"shape {marks.shape}")
    rows = max(1, -(-len(patches) // columns))
    figure = new_figure(1.2 * columns, 1.5 * rows)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    if len(patches) == 0:
        figure.text(0.5, 0.5, "none", ha="center", va="center")
    for axes, patch, caption, mark in zip(figure.axes, patches, captions, marks, strict=False):
        axes.set_axis_on()
        show_picture(axes, patch, wrapped(caption), fontsize=7)
        if mark:
            frame(axes)
    save(figure, target)


def wrapped(caption: str) -> str:
    """Returns a caption in lines that fit under a small image."""
    lines = [line for part in caption.splitlines() for line in textwrap.wrap(part, LETTERS_UNDER_A_TILE)]
    return "\n".join(lines)
