"""SelectScale, Fig. 4, and FocusedDropout, Fig. 6: what runs that differ in one setting come to.

Beside the test error stands the share of the units that FocusedDropout kept, where that was recorded.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError, unknown
from tfdrop.plots import Line, Panel
from tfdrop.tasks.classification.drop_layers import OPTIONAL
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.figures.figure import Options, labelled, only, shown_training
from tfdrop.tasks.page.trainings import seed_curves
from tfdrop.tasks.run_folder import RunFolder

NUMBERS = [
    field.name
    for field in dataclasses.fields(ClassifySettings)
    if field.metadata["kind"] in (int, float, list) and not field.name.startswith("influence")
]


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    only(runs, classifies=True)
    if options.setting not in NUMBERS:
        raise unknown("setting", options.setting, NUMBERS)
    errors: dict[str, list[tuple[float, np.ndarray]]] = {}
    kept: dict[str, list[tuple[float, np.ndarray]]] = {}
    levels = {}
    for name, run in labelled(runs, options):
        training = shown_training(run, options)
        found = seed_curves(run.seeds, [training], "test_error")
        if not found:
            raise UserError(f"--training={training}: not recorded in {run.path}")
        last = found[training][:, -1]
        if (value := getattr(run.settings, options.setting)) in (None, []) or not _is_of(run, options.setting):
            levels[name] = float(last.mean())
            continue
        group = f"{run.settings.model}, {run.settings.drop}"
        errors.setdefault(group, []).append((float(np.mean(value)), last))
        if shares := seed_curves(run.seeds, [training], "kept_share"):
            kept.setdefault(group, []).append((float(np.mean(value)), 100 * shares[training].mean(axis=1)))
    if not errors:
        raise UserError(f"--setting={options.setting}: no run has it")
    panels = [Panel(options.setting, "test error (%)", _lines(errors), levels)]
    if kept:
        panels.append(Panel(options.setting, "units kept (%)", _lines(kept)))
    plots.dependence(target, panels)


def _is_of(run, setting):
    """Tells whether a run depends on a setting: those of drop layers mean nothing without one."""
    return run.settings.drop != "none" or setting not in (*OPTIONAL, "curriculum", "magnified_weight_decay")


def _lines(points):
    return {name: Line.of_seeds(found) for name, found in points.items()}
