"""SelectScale, Fig. 3: the test error of networks whose maps are dropped in inference, by the rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.plots import Line, Panel
from tfdrop.tasks.figures.figure import Options, labelled, only
from tfdrop.tasks.run_folder import RunFolder


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    only(runs, classifies=True)
    lines = {}
    for name, run in labelled(runs, options):
        tested = [seed.result["while_dropping"] for seed in run.seeds]
        if not all(tested):
            raise UserError(f"--workdir={run.path}: was not tested while dropping; see --test_drop and --test_rates")
        rates = [each["rate"] for each in tested[0]]
        errors = np.array([[each["test_error"] for each in seed] for seed in tested])
        title = name if options.labels else f"{run.settings.test_drop} ({name})"
        lines[title] = Line.of_seeds(zip(rates, errors.T, strict=True))
    plots.dependence(target, [Panel("rate in inference", "test error (%)", lines)])
