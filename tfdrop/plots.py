"""Pictures of results, written as PNG files."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid

MARK = "tab:red"  # what was dropped
FRAME_WIDTH = 3
LETTERS_UNDER_A_TILE = 20


def comparison(path: str | Path, pictures: Sequence[tuple[str, np.ndarray]]) -> None:
    """Writes pictures side by side, each with a caption under it.

    Args:
        path: Where to write.
        pictures: List of `(caption, pixels)`, images of one shape, grey or in colour, clipped to [0, 1] for display.

    Raises:
        ValueError: If there are no pictures, or they differ in shape.
    """
    shapes = {np.shape(pixels) for _, pixels in pictures}
    shape = next(iter(shapes), ())
    if len(shapes) != 1 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise invalid("pictures", "images of one shape, grey or in colour", received=f"shapes {sorted(shapes)}")
    height, width = shape[:2]
    inches = 3.2
    figure = Figure(figsize=(inches * len(pictures), inches * height / width + 0.6), layout="constrained")
    for axes, (caption, pixels) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True):
        axes.imshow(np.clip(pixels, 0, 1), cmap="gray", vmin=0, vmax=1)
        _caption(axes, caption)
    figure.savefig(path, dpi=150)


def gallery(
    path: str | Path,
    patches: np.ndarray,
    captions: Sequence[str],
    columns: int = 8,
    marked: ArrayLike | None = None,
) -> None:
    """Writes small images in rows, each with a caption under it.

    Args:
        path: Where to write.
        patches: Array of shape `(n, size, size)`, `(n, size, size, 1)` or, in colour, `(n, size, size, 3)`, in [0, 1].
        captions: A text for each; long lines are wrapped. Without any images the picture says that there are none.
        columns: Images per row.
        marked: Which images get a red frame, booleans of shape `(n,)`: those that were dropped, for example.

    Raises:
        ValueError: If the number of captions or marks is not that of the images.
    """
    marks = np.zeros(len(patches), bool) if marked is None else np.asarray(marked, bool)
    if len(captions) != len(patches):
        raise invalid("captions", f"{len(patches)} texts, one for each image", received=f"{len(captions)}")
    if marks.shape != (len(patches),):
        raise invalid("marked", f"{len(patches)} booleans, one for each image", received=f"shape {marks.shape}")
    rows = max(1, -(-len(patches) // columns))
    figure = Figure(figsize=(1.2 * columns, 1.5 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    if len(patches) == 0:
        figure.text(0.5, 0.5, "none", ha="center", va="center")
    for axes, patch, caption, mark in zip(figure.axes, patches, captions, marks, strict=False):
        axes.set_axis_on()
        # Grey ones only lose their axis of channels: an image of one row keeps its rows.
        pixels = patch[..., 0] if np.ndim(patch) == 3 and patch.shape[-1] == 1 else patch
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        lines = [line for part in caption.splitlines() for line in textwrap.wrap(part, LETTERS_UNDER_A_TILE)]
        _caption(axes, "\n".join(lines), fontsize=7)
        if mark:
            for spine in axes.spines.values():
                spine.set(color=MARK, linewidth=FRAME_WIDTH)
    figure.savefig(path, dpi=150)


def influence_histogram(
    path: str | Path, scores: ArrayLike, threshold: float | None, dropped: ArrayLike | None = None
) -> None:
    """Writes the histogram of influences, with a line at zero, and what was dropped.

    Args:
        path: Where to write.
        scores: Total influence of each sample, shape `(n,)`.
        threshold: The smallest influence among the dropped samples, where a line is drawn, or `None` if none was
            dropped.
        dropped: Which samples were dropped, booleans of shape `(n,)`; their part of each bar is red. Without it the
            share beyond the line is given, which is that of the dropped ones if no class was capped.

    Raises:
        ValueError: If a score is not finite, or the number of marks is not that of the scores.
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise invalid("scores", "finite numbers, shape (n,)", scores)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    _, edges, _ = axes.hist(scores, bins=100, color="0.6")
    axes.set_yscale("log")
    axes.axvline(0, color="black", linewidth=1, label=f"0: {np.mean(scores > 0):.1%} above")
    if dropped is not None:
        marks = np.asarray(dropped, bool)
        if marks.shape != scores.shape:
            raise invalid("dropped", f"{len(scores)} booleans, one for each score", received=f"shape {marks.shape}")
        axes.hist(scores[marks], bins=list(edges), color=MARK, label=f"dropped: {np.mean(marks):.1%}")
        if threshold is not None:
            axes.axvline(threshold, color=MARK, linestyle="--")
    elif threshold is not None:
        share = np.mean(scores >= threshold)
        axes.axvline(threshold, color=MARK, linestyle="--", label=f"dropped from here: {share:.1%}")
    axes.set_xlabel("influence on the validation set (positive = unfavorable)")
    axes.set_ylabel("training samples")
    # Where matplotlib would have to search for the best place it warns that this is slow.
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=150)


def _caption(axes: Axes, caption: str, **text: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    # File names are not formulas, whatever dollar signs they contain.
    axes.set_xlabel(caption, parse_math=False, **text)
