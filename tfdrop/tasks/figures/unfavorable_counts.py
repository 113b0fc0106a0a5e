"""Data Dropout, Fig. 1: how many samples are unfavorable after each round."""

from collections.abc import Sequence
from typing import Any

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.tasks.figures.figure import Options, labelled
from tfdrop.tasks.run_folder import RunFolder, SeedRun


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    counts = {}
    for name, run in labelled(runs, options):
        by_round = list(zip(*(_counts(run, seed) for seed in run.seeds), strict=False))
        if not by_round:
            raise UserError(f"--workdir={run.path}: no round of it was scored")
        counts[name] = by_round
    units = {"images" if run.classifies else "patches" for run in runs}
    plots.unfavorable_counts(target, counts, unit=units.pop() if len(units) == 1 else "samples")


def _counts(run: RunFolder, seed: SeedRun) -> list[int]:
    """Returns how many samples each scored round of a seed finds unfavorable."""
    if run.classifies:
        if other := [found["rank_by"] for found in seed.result["influence"] if "rank_by" in found]:
            raise UserError(f"--workdir={run.path}: --rank_by={other[0]} tells not which are unfavorable")
        return [found["unfavorable"] for found in seed.result["influence"]]
    rounds = seed.result.get("rounds", [])
    return [found["influence"]["unfavorable"] for found in rounds if found.get("influence") is not None]
