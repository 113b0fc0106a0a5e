"""Validation samples beside the training samples that harm and help them most."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.plots.gallery import wrapped
from tfdrop.plots.style import HELPS, MARK, Target, frame, new_figure, save, show_picture


class PairRow(NamedTuple):
    """A validation sample, or a group of them, and what influences it.

    Attributes:
        image: The sample's picture, or `None` for a group.
        caption: What it is.
        harming: Pictures and captions of the training samples that harm it, the worst first.
        helping: Those of the ones that help it, the best first.
    """

    image: np.ndarray | None
    caption: str
    harming: Sequence[tuple[np.ndarray, str]]
    helping: Sequence[tuple[np.ndarray, str]]


def pairs(target: Target, rows: Sequence[PairRow]) -> None:
    """Writes a row for each validation sample: the sample, then what harms it, then what helps it.

    Raises:
        ValueError: If there are no rows.
    """
    if not rows:
        raise invalid("rows", "at least one", rows)
    harming, helping = (max(len(getattr(row, side)) for row in rows) for side in ("harming", "helping"))
    columns = 1 + harming + helping
    figure = new_figure(1.3 * columns, 1.75 * len(rows) + 0.3)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, line in zip(rows, grid, strict=True):
        if row.image is None:
            line[0].text(0.5, 0.5, wrapped(row.caption), ha="center", va="center", fontsize=8, parse_math=False)
        else:
            _show(line[0], row.image, row.caption, "black")
        for axes, (image, caption) in zip(line[1:], row.harming, strict=False):
            _show(axes, image, caption, MARK)
        for axes, (image, caption) in zip(line[1 + harming :], row.helping, strict=False):
            _show(axes, image, caption, HELPS)
    titles = {0: "validation", 1: "harm it", 1 + harming: "help it"}
    for column, title in titles.items():
        if column < columns:
            grid[0, column].set_title(title, fontsize=9, loc="left")
    save(figure, target)


def _show(axes, image, caption, colour):
    axes.set_axis_on()
    show_picture(axes, image, wrapped(caption), fontsize=7)
    frame(axes, colour)
