"""What the figures have in common: colours that the colour-blind can tell apart, captions, how a figure is saved."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Target = str | Path | BinaryIO

# Okabe and Ito's colours; lines also differ by marker and dashes, for print without colours.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")
MARK = "#D55E00"  # what was dropped, what harms
HELPS = "#0072B2"
ALL = "0.6"  # all samples
FRAME_WIDTH = 3
DPI = 150


def line_style(number: int, steps: int) -> dict[str, Any]:
    """Returns how the line of a number looks, with at most some ten markers on its steps."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number % len(DASHES)],
        "markersize": 4,
        "markevery": max(1, steps // 10),
    }


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure; sizes are in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, target: Target) -> None:
    """Writes a figure as PNG."""
    figure.savefig(target, dpi=DPI, format="png")


def show_picture(axes: Axes, pixels: np.ndarray, caption: str = "", **text: Any) -> None:
    """Shows an image, grey or in colour, clipped to [0, 1], with a caption under it."""
    # Grey ones only lose their axis of channels: an image of one row keeps its rows.
    pixels = pixels[..., 0] if np.ndim(pixels) == 3 and pixels.shape[-1] == 1 else pixels
    axes.imshow(np.clip(pixels, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    set_caption(axes, caption, **text)


def set_caption(axes: Axes, caption: str, **text: Any) -> None:
    """Writes a caption in the place of the axis."""
    axes.set_xticks([])
    axes.set_yticks([])
    # File names are not formulas, whatever dollar signs they contain.
    axes.set_xlabel(caption, parse_math=False, **text)


def frame(axes: Axes, colour: str = MARK) -> None:
    """Draws a thick frame around a picture."""
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=FRAME_WIDTH)
