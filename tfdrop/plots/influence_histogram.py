"""The histogram of influences."""

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.plots.style import ALL, MARK, Target, new_figure, save


def influence_histogram(
    target: Target, scores: ArrayLike, threshold: float | None, dropped: ArrayLike | None = None
) -> None:
    """Writes the histogram of influences, with a line at zero, and what was dropped.

    Args:
        target: Where to write.
        scores: Total influence of each sample, shape `(n,)`.
        threshold: The smallest influence among the dropped samples, where a line is drawn, or `None` if none was
            dropped.
        dropped: Which samples were dropped, booleans of shape `(n,)`; their part of each bar is coloured. Without it
            the share beyond the line is given, which is that of the dropped ones if no class was capped.

    Raises:
        ValueError: If a score is not finite, or the number of marks is not that of the scores.
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise invalid("scores", "finite numbers, shape (n,)", scores)
    figure = new_figure(7, 4)
    axes = figure.subplots()
    _, edges, _ = axes.hist(scores, bins=100, color=ALL)
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
    save(figure, target)
