"""Curves over the epochs: FocusedDropout, Fig. 5."""

from collections.abc import Mapping

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.plots.style import Target, line_style, new_figure, save


def curves(target: Target, panels: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Writes curves over the epochs, a panel for each quantity; of seeds their mean and range.

    Args:
        target: Where to write.
        panels: By the name of a quantity, with its unit, the curves by name: arrays of shape `(seeds, epochs)`. A curve
            has the same colour in all panels.

    Raises:
        ValueError: If there is nothing to draw, or a curve is not of that shape.
    """
    if not any(panels.values()):
        raise invalid("panels", "at least one curve", panels)
    order = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure = new_figure(5.2 * len(panels), 3.8)
    for axes, (quantity, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, values in lines.items():
            if np.ndim(values) != 2 or np.size(values) == 0:
                raise invalid("panels", "arrays of shape (seeds, epochs)", received=f"{name}: {np.shape(values)}")
            number, epochs = order.index(name), np.arange(1, np.shape(values)[1] + 1)
            style = line_style(number, len(epochs))
            axes.plot(epochs, np.mean(values, axis=0), label=name, **style)
            if len(values) > 1:
                low, high = np.min(values, axis=0), np.max(values, axis=0)
                axes.fill_between(epochs, low, high, color=style["color"], alpha=0.2, linewidth=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel(quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(loc="best", fontsize=8)
    save(figure, target)
