"""The networks of classification runs, and the images to show them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tfdrop.data.augmentation.evaluation_crops import centre_crop
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.classification.data import FIT
from tfdrop.tasks.classification.training import kept_network
from tfdrop.tasks.figures.figure import Options, labelled, shown_training
from tfdrop.tasks.run_folder import RunFolder


class ShownImages(NamedTuple):
    """Test images.

    Attributes:
        pixels: uint8 array of shape `(n, height, width, channels)`.
        labels: Their classes, shape `(n,)`.
        classes: The classes' names.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: Sequence[str]


def networks(runs: Sequence[RunFolder], options: Options) -> dict[str, tuple[RunFolder, keras.Model]]:
    """Returns the networks that are shown, by what they are called, each with its run."""
    found = {}
    for label, run in labelled(runs, options):
        training, folder = shown_training(run, options), run.seeds[0].folder
        for epoch in options.epochs or (None,):
            path = folder / kept_network(training, epoch)
            if not path.exists():
                hint = "" if epoch is None else f"; --keep_epochs={epoch} keeps it"
                raise UserError(f"--workdir={run.path}: has no {path.name}{hint}")
            name = label if epoch is None else f"epoch {epoch}" if len(runs) == 1 else f"{label}, epoch {epoch}"
            with blaming("workdir", run.path):
                found[name] = (run, keras.saving.load_model(path, compile=False))
    return found


def shown_images(runs: Sequence[RunFolder], options: Options, count: int) -> ShownImages:
    """Returns the test images that are asked for: by index, or the first of each class in turn."""
    data = runs[0].data(runs[0].seeds[0].seed)
    pixels, labels = data.test
    for name in options.classes:
        if name not in data.classes:
            raise UserError(f"--classes={name}: no class of {runs[0].path}")
    chosen = list(options.images) or _in_turn(labels, [data.classes.index(name) for name in options.classes], count)
    if max(chosen, default=0) >= len(labels):
        raise UserError(f"--images={max(chosen)}: there are {len(labels)} test images, counted from 0")
    return ShownImages(np.asarray(pixels[chosen]), labels[chosen], data.classes)


def _in_turn(labels, wanted, count):
    """Returns the first images of the wanted classes, or of all, one of each in turn."""
    order = wanted or sorted(set(labels.tolist()))
    of_class = [np.flatnonzero(labels == label) for label in order]
    rounds = [places[turn] for turn in range(count) for places in of_class if turn < len(places)]
    return rounds[:count]


def prepared(run: RunFolder, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns images as a run's networks take them, and what of them they see, in [0, 1]."""
    with blaming("workdir", run.path):
        images, _ = run.data(run.seeds[0].seed).train
    if pixels.shape[1:] != images.shape[1:]:
        raise UserError(f"--workdir={run.path}: its images are {images.shape[1:]}, not {pixels.shape[1:]}")
    pixels = np.asarray(pixels)  # of a run that reads them as it needs them
    found: Any = np.asarray(FIT[run.settings.preprocessing](images)(pixels), "float32")
    shown = pixels / 255.0
    if size := run.settings.crop_size:
        found, shown = centre_crop(found, size), centre_crop(shown, size)
    return found, shown
