"""SelectScale, Figs. 1 and 5, and FocusedDropout, Fig. 4: class activation maps over epochs and methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from tfdrop import cam, plots
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.figures.figure import Options, only
from tfdrop.tasks.figures.networks import networks, prepared, shown_images
from tfdrop.tasks.run_folder import RunFolder

COUNT = 4


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    only(runs, classifies=True)
    images = shown_images(runs, options, options.number or COUNT)
    maps, captions = {}, {}
    seen = None
    for name, (run, network) in networks(runs, options).items():
        x, shown = prepared(run, images.pixels)
        if seen is not None and shown.shape != seen.shape:
            raise UserError(f"--workdir={run.path}: sees other parts of the images than {runs[0].path}")
        seen = shown
        with blaming("method", options.method):
            found = cam.activation_maps(network, x, images.labels, method=options.method)
        probabilities = softmax(found.scores.astype("float64"), axis=1)
        taken = probabilities.argmax(axis=1)
        maps[name] = found.maps
        captions[name] = [
            f"{images.classes[label]} {row[label]:.0%}" for label, row in zip(taken, probabilities, strict=True)
        ]
    names = [images.classes[label] for label in images.labels]
    plots.heat_maps(target, np.asarray(seen), maps, names, captions)
