"""Data Dropout, Fig. 2: the most unfavorable samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.tasks.figures.figure import Options, one
from tfdrop.tasks.page.samples import scored_samples
from tfdrop.tasks.run_folder import RunFolder

COUNT = 32


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    run = one(runs)
    samples = scored_samples(run, run.seeds[0])
    if samples is None or samples.pixels is None:
        why = "no round of it was scored" if samples is None else samples.why_not
        raise UserError(f"--workdir={run.path}: {why}")
    wanted = np.nan_to_num(samples.scores) > 0
    if options.classes:
        wanted &= np.isin(samples.groups, options.classes)
    places = np.flatnonzero(wanted)
    order = np.argsort(-samples.scores[places], kind="stable")
    places = places[order][: options.number or COUNT]
    captions = [
        f"{samples.groups[place]}\n" + (f"taken for {samples.predicted[place]}" if samples.predicted[place] else "")
        for place in places
    ]
    shown = np.array([samples.pixels(place) for place in places])
    plots.gallery(target, shown, captions, marked=samples.dropped_after[places] > 0)
