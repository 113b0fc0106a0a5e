"""Data Dropout, section V: the unfavorable samples that several networks share, beside what chance gives."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.overlap import overlap
from tfdrop.tasks.arm import round_name
from tfdrop.tasks.figures.figure import Options, labelled, only
from tfdrop.tasks.page.comparison import measured, same_samples
from tfdrop.tasks.run_folder import RunFolder


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    only(runs, runs[0].classifies)
    if len(runs) < 2:
        raise UserError("--workdir: expected at least two runs, to hold side by side")
    tables = {}
    for name, run in labelled(runs, options):
        tables[name] = run.seeds[0].influence()
        if not tables[name]:
            raise UserError(f"--workdir={run.path}: no round of it was scored")
        if not same_samples(tables[name], next(iter(tables.values()))):
            raise UserError(f"--workdir={run.path}: was trained on other samples than {runs[0].path}")
    sets = {name: table["influence"] > 0 for name, table in tables.items()}
    pairs = [(f"{one} and {other}", overlap(sets[one], sets[other])) for one, other in combinations(sets, 2)]
    errors = [float(np.mean(measured(run)[0][round_name(1)])) for run in runs]
    measure = "test error of round 1 (%)" if runs[0].classifies else "average PSNR of round 1 (dB)"
    plots.overlaps(target, pairs, list(sets), errors, [each.mean() for each in sets.values()], measure)
