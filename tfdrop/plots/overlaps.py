"""Which unfavorable samples networks share, and whether a stronger one has fewer: Data Dropout, section V."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.overlap import Overlap
from tfdrop.plots.style import ALL, COLOURS, MARKERS, Target, new_figure, save


def overlaps(
    target: Target,
    pairs: Sequence[tuple[str, Overlap]],
    networks: Sequence[str],
    errors: ArrayLike,
    shares: ArrayLike,
    measure: str = "test error (%)",
) -> None:
    """Writes what each pair of networks shares beside what chance gives, and each one's share of unfavorable samples.

    Args:
        target: Where to write.
        pairs: The names of pairs with their `Overlap`s.
        networks: The networks' names.
        errors: What is measured of each, shape `(networks,)`.
        shares: The share of its training samples that is unfavorable, shape `(networks,)`.
        measure: What `errors` are, with their unit.

    Raises:
        ValueError: If there are no pairs, or the numbers of networks differ.
    """
    errors, shares = np.asarray(errors, float), np.asarray(shares, float)
    if not pairs or not errors.shape == shares.shape == (len(networks),):
        received = f"{len(pairs)} pairs, {len(networks)} names, {errors.shape} and {shares.shape}"
        raise invalid("pairs", "at least one pair, and two numbers for each network", received=received)
    figure = new_figure(10, max(3.4, 1.4 + 0.4 * len(pairs)))
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    for place, (_, found) in enumerate(pairs):
        left.plot([found.low, found.high], [place, place], color=ALL, linewidth=9, solid_capstyle="butt")
        left.plot(found.shared, place, marker="o", color=COLOURS[0], linestyle="none")
        text = f"{found.shared}, by chance {found.expected:.0f}"
        left.annotate(
            text, (max(found.shared, found.high), place), xytext=(8, 0), textcoords="offset points", va="center"
        )
    left.plot([], [], color=ALL, linewidth=9, label="by chance, 95 %")
    left.plot([], [], marker="o", color=COLOURS[0], linestyle="none", label="shared")
    left.set_yticks(range(len(pairs)), [name for name, _ in pairs], parse_math=False)
    left.set_ylim(len(pairs) - 0.4, -0.6)
    left.set_xlim(0, 1.5 * max(max(found.shared, found.high, 1) for _, found in pairs))
    left.set_xlabel("unfavorable samples that both networks have")
    left.legend(loc="lower right", fontsize=8)
    for number, name in enumerate(networks):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        right.plot(errors[number], 100 * shares[number], linestyle="none", label=name, **style)
    right.set_xlabel(measure)
    right.set_ylabel("unfavorable (% of the training samples)")
    right.margins(0.2)
    right.grid(alpha=0.3)
    right.legend(loc="best", fontsize=8)
    save(figure, target)
