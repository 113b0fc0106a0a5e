"""One recipe: settings, the paper's number, and what it will cost."""

import re
from typing import Any, NamedTuple

from train.recipes.cost import training_cost


class Paper(NamedTuple):
    """What a paper reports. Errors and accuracies are those of the test set in percent, `None` what it does not give.

    Attributes:
        error: Top-1 error.
        accuracy: Top-1 accuracy, in the papers that give it.
        spread: Standard deviation over the runs, of whichever of these is given.
        runs: How many runs were averaged.
        top5_error: Top-5 error.
        unfavorable: Number of unfavorable training samples after round 1.
        best_epoch: Whether the number is that of the best epoch, and not that of the last.
        mean_average_precision: That of detection, in percent.
    """

    error: float | None = None
    accuracy: float | None = None
    spread: float | None = None
    runs: int | None = None
    top5_error: float | None = None
    unfavorable: int | None = None
    best_epoch: bool = False
    mean_average_precision: float | None = None

    @property
    def top1_error(self):
        """The top-1 error, from the accuracy where that is given; `None` without either."""
        return self.error if self.accuracy is None else round(100 - self.accuracy, 2)

    def __str__(self):
        values = []
        for name, value in (("error", self.error), ("accuracy", self.accuracy)):
            if value is not None:
                spread = f" ± {self.spread:.2f}" if self.spread is not None else ""
                values.append(f"test {name} {value:.2f}{spread} %")
        if self.mean_average_precision is not None:
            spread = f" ± {self.spread:.2f}" if self.spread is not None else ""
            values.append(f"mAP {self.mean_average_precision:.2f}{spread} %")
        if self.top5_error is not None:
            values.append(f"top-5 error {self.top5_error:.2f} %")
        if self.unfavorable is not None:
            values.append(f"{self.unfavorable} unfavorable")
        if self.runs is not None:
            values.append(f"{self.runs} runs")
        if self.best_epoch:
            values.append("best epoch")
        return ", ".join(values) or "a curve only"


class Recipe(NamedTuple):
    """The settings of one number of a paper.

    Attributes:
        settings: Values of fields of `tfdrop.tasks.classification.settings.ClassifySettings`; for detection, of
            `tfdrop.tasks.detection.settings.DetectSettings`.
        paper: The paper's `Paper` numbers; none where it only draws a curve.
        source: Paper, table, row and column.
    """

    settings: dict
    paper: Paper
    source: str

    @property
    def cost(self):
        """What the training will cost: a text, and an estimate."""
        return training_cost(self.settings)


def cells(table):
    """Yields `(row, column, cell)` of a text table: names in its first line, columns two spaces or more apart.

    A cell of `-` is empty and left out.
    """
    header, *lines = table.strip().splitlines()
    columns = re.split(r"\s{2,}", header.strip())
    for line in lines:
        row, *values = re.split(r"\s{2,}", line.strip())
        for column, value in zip(columns, values, strict=True):
            if value != "-":
                yield row, column, value


def number(cell, name="error", **about):
    """Returns the `Paper` of a cell such as `5.88` or `5.88 ± 0.13`, its number being the one of that name."""
    value, *spread = map(float, cell.split("±"))
    values: dict[str, Any] = {name: value, "spread": spread[0] if spread else None, **about}
    return Paper(**values)
