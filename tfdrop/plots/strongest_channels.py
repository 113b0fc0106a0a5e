"""Which channel of the last feature maps is the strongest, class by class: FocusedDropout, Fig. 2."""

from collections.abc import Mapping

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.plots.style import COLOURS, Target, new_figure, save


def strongest_channels(target: Target, counts: Mapping[str, np.ndarray]) -> None:
    """Writes for each class how many of its images have each channel as the one with the highest mean activation.

    Args:
        target: Where to write.
        counts: By the classes' names, an array of counts of shape `(channels,)`.

    Raises:
        ValueError: If there are no classes, or the numbers of channels differ.
    """
    shapes = {np.shape(each) for each in counts.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise invalid("counts", "arrays of one shape (channels,)", received=f"shapes {sorted(shapes)}")
    columns = min(2, len(counts))
    rows = -(-len(counts) // columns)
    figure = new_figure(4.6 * columns, 2.4 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(counts) :]:
        axes.set_axis_off()
    for number, (name, found) in enumerate(counts.items()):
        axes = grid.flat[number]
        axes.bar(np.arange(len(found)), found, width=1.0, color=COLOURS[number % len(COLOURS)])
        top = int(np.argmax(found))
        share = found[top] / max(np.sum(found), 1)
        axes.set_title(f"{name}: channel {top} in {share:.0%}", fontsize=9, parse_math=False)
        axes.set_ylabel("images")
        if number + columns >= len(counts):
            axes.set_xlabel("channel of the last feature maps")
            axes.tick_params(labelbottom=True)
    save(figure, target)
