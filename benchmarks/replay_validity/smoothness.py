"""How smooth a setup's training is at other learning rates, constant and falling, beside how well it learns."""

import dataclasses
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.replay_validity.setups import AnySetup
from benchmarks.replay_validity.trainings import Setup
from tfdrop.checkpoint import Pace, replace

RATES = flags.DEFINE_list("rates", ["0.01", "0.003", "0.001", "0.0003"], "Learning rates, constant or the first.")
SEEDS = flags.DEFINE_list("smoothness_seeds", ["0", "1"], "Seeds of the trainings.")


def headings(setup: AnySetup) -> list[str]:
    return [f"## {setup.title}: smoothness"]


def n() -> str:
    return f"{len(SEEDS.value)} seeds"


def section(setup: Setup, images: Images, train: Samples, folder: Path, pace: Pace) -> list[str]:
    """Returns the lines of the part's section."""
    text = (
        f"{images.name}, {setup.description(train, images.validation)} The learning rates are those of the table, "
        "constant and falling. Smoothness (metasmoothness): from two trainings more, in which 2 % of the samples have "
        f"half of their weight, and none. Means over {n()}; in brackets the lowest and the highest smoothness."
    )
    header = ["learning rate", "smoothness", "training loss", "validation loss", "validation error, %"]
    rows = [
        _row(dataclasses.replace(setup, learning_rate=float(rate), falls=falls), images, train, folder, pace)
        for falls, rate in product((False, True), RATES.value)
    ]
    return [*headings(setup), "", text, "", *pages.table(header, rows)]


def _row(setup, images, train, folder, pace):
    found = np.array([_kept(setup, images, train, int(seed), folder, pace) for seed in SEEDS.value])
    smoothness, training_loss, loss, error = found.mean(0)
    kind = "falling from" if setup.falls else "constant"
    row = [f"{kind} {setup.learning_rate:g}", f"{smoothness:.2f} [{found[:, 0].min():.2f}, {found[:, 0].max():.2f}]"]
    print(*row, flush=True)
    return [*row, f"{training_loss:.3f}", f"{loss:.3f}", f"{100 * error:.1f}"]


def _kept(setup, images, train, seed, folder, pace):
    """Returns what `_measured` does, read from a folder or kept there."""
    path = folder / f"smoothness_rate{setup.learning_rate:g}{setup.variant}_seed{seed}.npy"
    if not path.exists():
        found = _measured(setup, images, train, seed)
        replace(path, lambda unfinished: np.save(unfinished, found))
        pace.after_step(lambda: None)
    return np.load(path)


def _measured(setup, images, train, seed):
    """Returns the smoothness of a training, its mean losses and its error on the validation set."""
    import keras

    from tfdrop.influence import SmoothnessWarning, replay_influence

    run = setup.training(train, seed, record=True)
    for _ in run.dispatches():
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmoothnessWarning)
        walked = replay_influence(run, images.validation, horizon=1 / run.steps, smoothness=True, verbose=0)
    on_training, on_validation = setup.measured(run.model, train), setup.measured(run.model, images.validation)
    keras.backend.clear_session()
    count = len(images.validation[0])
    return walked.smoothness, on_training[0] / len(train[0]), on_validation[0] / count, on_validation[2] / count
