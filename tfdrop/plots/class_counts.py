"""How many samples of each class are unfavorable, and how many were dropped."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.plots.style import ALL, MARK, Target, new_figure, save

SHOWN = 30


def class_counts(
    target: Target,
    classes: Sequence[str],
    samples: ArrayLike,
    unfavorable: ArrayLike,
    dropped: ArrayLike,
    group: str = "class",
) -> None:
    """Writes a bar for each class: the share of its samples that is unfavorable, and of that what was dropped.

    Args:
        target: Where to write.
        classes: The classes' names; of more than `SHOWN`, those with the largest unfavorable shares are shown.
        samples, unfavorable, dropped: How many there are of each class, shape `(classes,)`.
        group: What a class is called.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    counts = [np.asarray(each, float) for each in (samples, unfavorable, dropped)]
    if any(each.shape != (len(classes),) for each in counts):
        shapes = ", ".join(str(each.shape) for each in counts)
        raise invalid("classes", "as many names as there are counts", received=f"{len(classes)} names, counts {shapes}")
    total, found, lost = counts
    shares, lost_shares = (100 * each / np.maximum(total, 1) for each in (found, lost))
    order = np.argsort(-shares, kind="stable")[:SHOWN]
    figure = new_figure(7, 1.2 + 0.28 * len(order))
    axes = figure.subplots()
    places = np.arange(len(order))
    axes.barh(places, shares[order], color=ALL, label="unfavorable")
    axes.barh(places, lost_shares[order], color=MARK, height=0.4, label="dropped")
    for place, at in zip(places, order, strict=True):
        text = f" {found[at]:.0f} of {total[at]:.0f}" + (f", {lost[at]:.0f} dropped" if lost[at] else "")
        axes.text(float(shares[at]), float(place), text, va="center", fontsize=8)
    axes.set_yticks(places, [classes[at] for at in order], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.55 * max(shares.max(initial=0), 1e-9))
    axes.set_xlabel(f"share of the {group}'s training samples (%)")
    axes.legend(loc="lower right", fontsize=8)
    save(figure, target)
