"""How many samples are unfavorable after each round: Data Dropout, Fig. 1."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.plots.style import COLOURS, Target, new_figure, save

HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")


def unfavorable_counts(target: Target, counts: Mapping[str, Sequence[Sequence[int]]], unit: str = "samples") -> None:
    """Writes a bar for each round of each run, with the number on it; with several seeds their mean and deviation.

    Args:
        target: Where to write.
        counts: By the runs' names, for each round the counts of the seeds.
        unit: What is counted.

    Raises:
        ValueError: If there are no counts.
    """
    if not counts or not all(len(rounds) and all(map(len, rounds)) for rounds in counts.values()):
        raise invalid("counts", "at least one count for each round of each run", counts)
    most = max(map(len, counts.values()))
    figure = new_figure(max(4.5, 1.6 + 0.9 * most * len(counts)), 3.8)
    axes = figure.subplots()
    width = 0.8 / len(counts)
    for number, (name, rounds) in enumerate(counts.items()):
        means = [float(np.mean(seeds)) for seeds in rounds]
        bars = axes.bar(
            np.arange(len(rounds)) + (number - (len(counts) - 1) / 2) * width,
            means,
            width,
            yerr=[np.std(seeds, ddof=1) for seeds in rounds] if min(map(len, rounds)) > 1 else None,
            capsize=3,
            color=COLOURS[number % len(COLOURS)],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
            label=name,
        )
        axes.bar_label(bars, [f"{mean:,.0f}" for mean in means], padding=2, fontsize=8)
    axes.set_xticks(range(most), [f"{round}" for round in range(1, most + 1)])
    axes.set_xlim(-0.75, most - 0.25)
    axes.set_xlabel("round of training")
    axes.set_ylabel(f"unfavorable training {unit}")
    axes.margins(y=0.12)
    if len(counts) > 1:
        axes.legend(loc="upper right", fontsize=8)
    save(figure, target)
