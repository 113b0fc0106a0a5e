"""FocusedDropout, Fig. 2: which channel of the last feature maps is the strongest, class by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import cam, plots
from tfdrop.errors import UserError
from tfdrop.tasks.figures.figure import Options, one, only
from tfdrop.tasks.figures.networks import networks, prepared
from tfdrop.tasks.run_folder import RunFolder

CLASSES = 4
BATCH_SIZE = 256


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    only(runs, classifies=True)
    run = one(runs)
    data = run.data(run.seeds[0].seed)
    [(_, network)] = networks(runs, options).values()
    names = list(options.classes) or list(data.classes[:CLASSES])
    if unknown := [name for name in names if name not in data.classes]:
        raise UserError(f"--classes={unknown[0]}: no class of {run.path}")
    parts = cam.classifier_parts(network)
    counts = {}
    for name in names:
        x, _ = prepared(run, data.test[0][data.test[1] == data.classes.index(name)])
        strongest = [
            _means(parts, x[first : first + BATCH_SIZE]).argmax(axis=1) for first in range(0, len(x), BATCH_SIZE)
        ]
        channels = parts.before[-1].outputs[0].shape[parts.channels_axis]
        counts[name] = np.bincount(np.concatenate([np.empty(0, int), *strongest]), minlength=channels)
    plots.strongest_channels(target, counts)


def _means(parts, x):
    """Returns the mean of each of the last feature maps."""
    maps = np.asarray(parts.features(x))
    return maps.mean(axis=tuple({1, 2, 3} - {parts.channels_axis}))
