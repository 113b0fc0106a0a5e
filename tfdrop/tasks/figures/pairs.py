"""For validation samples the training samples that harm and help them most."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.plots import PairRow
from tfdrop.tasks.figures.figure import Options, one
from tfdrop.tasks.pair_scores import pair_scores
from tfdrop.tasks.run_folder import RunFolder

ROWS, COUNT = 4, 4


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    run = one(runs)
    data = run.data(run.seeds[0].seed)
    groups, shown = _groups(run, data, options)
    scores = pair_scores(run, data, [places for places, _ in groups], options.influence)
    rows = []
    for (places, caption), column in zip(groups, scores.T, strict=True):
        order = np.argsort(-column, kind="stable")
        image = None if len(places) > 1 else shown(places[0])
        count = options.number or COUNT
        harming = [_shown(run, data, place, column) for place in order[:count] if column[place] > 0]
        helping = [_shown(run, data, place, column) for place in order[::-1][:count] if column[place] < 0]
        rows.append(PairRow(image, caption, harming, helping))
    plots.pairs(target, rows)


def _groups(run, data, options):
    """Returns the groups of validation samples, each its places and a caption, and a function that shows one."""
    if not run.classifies:
        chosen = list(options.images) or list(range(min(ROWS, len(data.validation))))
        _check(chosen, len(data.validation))
        groups = [([place], data.validation[place].name) for place in chosen]
        return groups, lambda place: data.validation[place].pixels
    if data.validation is None:
        raise UserError(f"--workdir={run.path}: has no validation images")
    x, y = data.validation
    for name in options.classes:
        if name not in data.classes:
            raise UserError(f"--classes={name}: no class of {run.path}")
    if options.classes:
        places = [np.flatnonzero(y == data.classes.index(name)).tolist() for name in options.classes]
        captions = [f"all of class {name}" for name in options.classes]
        return list(zip(places, captions, strict=True)), lambda place: x[place] / 255.0
    chosen = list(options.images) or list(range(min(ROWS, len(y))))
    _check(chosen, len(y))
    return [([place], data.classes[y[place]]) for place in chosen], lambda place: x[place] / 255.0


def _check(chosen, count):
    if max(chosen, default=0) >= count:
        raise UserError(f"--images={max(chosen)}: there are {count} validation images, counted from 0")


def _shown(run, data, place, column):
    """Returns a training sample's picture and caption."""
    influence = f"{column[place]:.3g}"
    if run.classifies:
        pixels, labels = data.train
        return pixels[place] / 255.0, f"{data.classes[labels[place]]}\n{influence}"
    return data.patches.pixels[place], f"{data.patch_images[data.patches.image[place]].name}\n{influence}"
