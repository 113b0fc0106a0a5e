"""A bank of retrainings: what a network does on the validation set after some samples were left out of its training."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.replay_validity.setups import AnySetup
from tfdrop.checkpoint import Pace, replace
from tfdrop.tasks.slices import slice_of

MEASURES = 2  # that each setup has


def left_out(samples: int, share: float, subsets: int) -> np.ndarray:
    """Returns a Boolean array of shape `(subsets, samples)`: which samples each subset leaves out, always the same."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(samples, round(share * 1e6))))
    chosen = np.zeros((subsets, samples), bool)
    for row in chosen:
        row[rng.permutation(samples)[: round(share * samples)]] = True
    return chosen


def folder_of(bank: str, dataset: str, name: str, setup: AnySetup, train: Samples, validation: Samples) -> Path:
    """Returns the folder, made if it is missing, of what is known of one setup, its settings and data."""
    import keras

    settings = f"{name}_{dataset}_{len(train[0])}_{len(validation[0])}_rate{setup.learning_rate:g}_x{setup.epochs}"
    settings += setup.variant
    if keras.backend.backend() == "jax":  # each backend has trainings of its own
        settings += "_jax"
    digest = hashlib.sha256()
    for array in (*train, *validation):  # whatever was done to the images
        digest.update(np.ascontiguousarray(array).data)
    settings += f"_{digest.hexdigest()[:8]}"
    folder = Path(bank) / settings
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Bank:
    """Retrainings of one setup from one seed, kept in a folder.

    Args:
        folder: The folder.
        setup: What is trained.
        train: Training samples.
        validation: Validation samples.
        seed: Seed of all the trainings.
    """

    def __init__(self, folder: Path, setup: AnySetup, train: Samples, validation: Samples, seed: int):
        self._folder = folder
        self._setup, self._seed = setup, seed
        self._train, self._validation = train, validation
        self._training: Any = None
        self._start: Any = None

    def measures(self, share: float, subsets: int, pace: Pace) -> np.ndarray:
        """Returns the summed measures after each retraining, shape `(subsets, 2)`; trains where they are missing.

        Raises:
            OutOfTime: If the pace says so; what was trained is kept.
        """
        found = self._known(share, subsets)
        self._train_rows(self._file(share), found, _missing(found, range(subsets)), share, pace)
        return found[:subsets]

    def train_slice(self, share: float, subsets: int, text: str, pace: Pace) -> None:
        """Does the retrainings of a slice `"i/n"` and keeps them in a file of its own, where `measures` finds them.

        What is in another file already is not done again.

        Raises:
            OutOfTime: If the pace says so; what was trained is kept.
        """
        path = self._file(share, f"_slice_{text.replace('/', '_of_')}")
        todo = _missing(self._known(share, subsets), slice_of(range(subsets), text))
        self._train_rows(path, _merged([path], subsets), todo, share, pace)

    def _file(self, share, part=""):
        return self._folder / f"seed{self._seed}_{share:g}{part}.npy"

    def _known(self, share, subsets):
        """Returns what any file knows of so many subsets, or of more."""
        slices = self._folder.glob(self._file(share, "_slice_*").name)
        return _merged([*slices, self._file(share)], subsets)

    def _train_rows(self, path, found, todo, share, pace):
        """Fills some rows of what was found, and keeps all in a file."""
        rows = left_out(len(self._train[0]), share, len(found))

        def save():
            replace(path, lambda partial: np.save(partial, found))

        for done, row in enumerate(todo, start=1):
            found[row] = self._retrained(~rows[row])
            if done % 10 == 0:
                print(f"{path.name}: {done} of {len(todo)}", flush=True)
            pace.after_step(save)
        if todo:
            save()

    def _retrained(self, kept):
        from tfdrop.training import repeated
        from tfdrop.training.step_function import read_state

        if self._training is None:
            self._training = self._setup.training(self._train, self._seed)
            self._start = read_state(self._training.model, self._training.optimizer)
        with repeated(self._training, kept, self._start) as again:
            for _ in again.dispatches():
                pass
            return self._setup.measured(self._setup.asked(again), self._validation)[:MEASURES]


def _merged(paths, subsets):
    """Returns what files know of so many subsets, or of more: not a number where they know nothing."""
    parts = [np.load(path) for path in paths if path.exists()]
    found = np.full((max([subsets, *map(len, parts)]), MEASURES), np.nan)
    for part in parts:
        known = np.flatnonzero(~np.isnan(part[:, 0]))
        found[known] = part[known]
    return found


def _missing(found, rows):
    return [row for row in rows if np.isnan(found[row, 0])]
