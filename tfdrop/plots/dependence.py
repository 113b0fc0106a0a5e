"""A measure against a setting: SelectScale, Figs. 3 and 4; FocusedDropout, Fig. 6."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.plots.style import COLOURS, DASHES, Target, line_style, new_figure, save

NO_LEVELS: Mapping[str, float] = MappingProxyType({})


class Line(NamedTuple):
    """A measure at some values of a setting.

    Attributes:
        x: The values, shape `(n,)`.
        mean: The measure there, shape `(n,)`.
        deviation: Its standard deviation over the seeds, shape `(n,)`; NaN or 0 where there is one seed.
    """

    x: ArrayLike
    mean: ArrayLike
    deviation: ArrayLike

    @classmethod
    def of_seeds(cls, points: Iterable[tuple[float, np.ndarray]]) -> Self:
        """Returns the line through the means of seeds, from pairs of a value and the measure there, one a seed.

        >>> Line.of_seeds([(3.0, np.array([4.0, 6.0])), (5.0, np.array([1.0, 1.0]))]).mean
        [5.0, 1.0]
        """
        x, values = zip(*points, strict=True)
        deviations = [float(each.std(ddof=1)) if len(each) > 1 else 0.0 for each in values]
        return cls(x, [float(each.mean()) for each in values], deviations)


class Panel(NamedTuple):
    """What is drawn against one setting.

    Attributes:
        setting: What is on the horizontal axis.
        measure: What is on the vertical axis, with its unit.
        lines: The lines by name.
        levels: Numbers that do not depend on the setting, by name, drawn as horizontal lines.
    """

    setting: str
    measure: str
    lines: Mapping[str, Line]
    levels: Mapping[str, float] = NO_LEVELS


def dependence(target: Target, panels: Sequence[Panel]) -> None:
    """Writes panels side by side, a measure against a setting in each, with the seeds' standard deviations.

    Raises:
        ValueError: If there are no panels, or a line's arrays differ in length.
    """
    if not panels:
        raise invalid("panels", "at least one", panels)
    figure = new_figure(4.6 * len(panels), 3.8)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for number, (name, line) in enumerate(panel.lines.items()):
            x, mean, deviation = (np.asarray(each, float) for each in line)
            if not x.shape == mean.shape == deviation.shape or x.ndim != 1:
                shapes = f"{x.shape}, {mean.shape}, {deviation.shape}"
                raise invalid("panels", "lines whose arrays have one length", received=f"{name}: {shapes}")
            order = np.argsort(x)
            bars = np.nan_to_num(deviation)[order]
            style = line_style(number, 1)
            axes.errorbar(x[order], mean[order], bars if bars.any() else None, label=name, capsize=3, **style)
        for number, (name, level) in enumerate(panel.levels.items(), start=len(panel.lines)):
            axes.axhline(
                level, label=name, color=COLOURS[number % len(COLOURS)], linestyle=DASHES[(number + 1) % len(DASHES)]
            )
        axes.set_xlabel(panel.setting, parse_math=False)
        axes.set_ylabel(panel.measure)
        axes.locator_params(axis="x", nbins=6)
        axes.grid(alpha=0.3)
        if len(panel.lines) + len(panel.levels) > 1:
            axes.legend(loc="best", fontsize=8)
    save(figure, target)
