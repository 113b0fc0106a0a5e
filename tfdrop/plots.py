"""Pictures of results, written as PNG files."""

import numpy as np
from matplotlib.figure import Figure


def comparison(path, pictures):
    """Writes pictures side by side with a caption under each.

    Args:
        path: Where to write.
        pictures: List of `(caption, pixels)`, grey images of one shape, clipped to [0, 1] for display.
    """
    height, width = pictures[0][1].shape
    inches = 3.2
    figure = Figure(figsize=(inches * len(pictures), inches * height / width + 0.6), layout="constrained")
    for axes, (caption, pixels) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True):
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)
        _caption(axes, caption)
    figure.savefig(path, dpi=150)


def gallery(path, patches, captions, columns=8):
    """Writes small images in rows, each with a caption under it.

    Args:
        path: Where to write.
        patches: Array of shape `(n, size, size)`, `(n, size, size, 1)` or, in colour, `(n, size, size, 3)`, in [0, 1].
        captions: A text each.
        columns: Patches a row.
    """
    rows = -(-len(patches) // columns)
    figure = Figure(figsize=(1.2 * columns, 1.5 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, patch, caption in zip(figure.axes, patches, captions, strict=False):
        axes.set_axis_on()
        axes.imshow(np.squeeze(patch), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        _caption(axes, caption, fontsize=7)
    figure.savefig(path, dpi=150)


def influence_histogram(path, scores, threshold):
    """Writes the histogram of influences, with a line at zero and one where dropping begins.

    Args:
        path: Where to write.
        scores: Total influence of each sample, shape `(n,)`.
        threshold: The smallest influence among the dropped samples, or `None` if none was dropped.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.hist(scores, bins=100, color="0.6")
    axes.set_yscale("log")
    axes.axvline(0, color="black", linewidth=1, label=f"0: {np.mean(scores > 0):.1%} above")
    if threshold is not None:
        share = np.mean(scores >= threshold)
        axes.axvline(threshold, color="tab:red", linestyle="--", label=f"dropped from here: {share:.1%}")
    axes.set_xlabel("influence on the summed validation loss (positive = unfavorable)")
    axes.set_ylabel("training samples")
    axes.legend()
    figure.savefig(path, dpi=150)


def _caption(axes, caption, **text):
    axes.set_xticks([])
    axes.set_yticks([])
    # File names are no formulas, whatever dollar signs they have.
    axes.set_xlabel(caption, parse_math=False, **text)
