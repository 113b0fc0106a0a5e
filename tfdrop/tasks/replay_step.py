"""The replay step of both tasks: over the seeds that the settings ask for, each resumable."""

import dataclasses
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfdrop.checkpoint import Checkpoint, Pace
from tfdrop.errors import UserError, blaming
from tfdrop.influence import ReplayInfluence, mean_influence, replay_influence
from tfdrop.influence.files import load_influence, save_influence
from tfdrop.tasks.lock import locked
from tfdrop.tasks.settings import RunSettings, number_or_auto
from tfdrop.training import Training
from tfdrop.training.recording import states_of
from tfdrop.whole_files import DamageError, note

WORTH_SAYING = 0.5  # GB of a record
# So trimmed, means over seeds found more of MNIST's wrong labels, see results/wrong_labels.md; from three seeds on.
TRIM = 0.2


def record_folder(records: Path, seed: int) -> Path:
    """Returns the folder with the record of the training from a seed; where a training is scored, it is recorded."""
    return records / f"seed{seed}"


def recorded_training(
    build: Callable[[], tuple[keras.Model, Training]], train: Callable[[Path], object], record: Path
) -> tuple[Training, keras.Model]:
    """Returns the finished `Training` whose record is in a folder, and its network; trains where there is none.

    Args:
        build: Function that returns the network and its `Training`, which has not begun.
        train: Function that trains, and records in the folder; it is given a folder for its checkpoints.
        record: The folder of the record.
    """
    network, training = build()
    if not training.restore():
        again = record / "training"
        again.mkdir(parents=True, exist_ok=True)
        train(again)
        network, training = build()
        training.restore()
    return training, network


def check_replayable(training: Training) -> None:
    """Finds out, before anything is trained, whether a training that is recorded can be walked backwards.

    A record that is begun, and is large, is announced.

    Raises:
        UserError: If it cannot, or there is no room for the record.
    """
    record = training.record
    if record is None:
        return
    with blaming("influence", "replay"):
        training.backward()
    if record.folder is not None and not record.steps:
        announce_record(record.folder, states_of(training), record.state_bytes)


def announce_record(folder: Path, states: int, state_bytes: int) -> None:
    """Says what a record will take in its folder, if that is much.

    Raises:
        UserError: If the disk has no room for it.
    """
    free, gigabytes = shutil.disk_usage(folder).free, states * state_bytes / 1e9
    what = f"the record of a training takes about {gigabytes:.1f} GB, {states:,} states of its weights, in {folder}"
    if free < states * state_bytes:
        less = "fewer --epochs, a larger --batch_size or a smaller network takes less, and --influence=cg nothing"
        raise UserError(f"--influence=replay: {what}, where {free / 1e9:.1f} GB are free; {less}")
    if gigabytes >= WORTH_SAYING:
        print(f"For the replay, {what}; it is removed afterwards.")


def replays_as_set(
    settings: RunSettings,
    seeds: Iterable[int],
    recorded: Callable[[Any, Path], tuple[Training, keras.Model]],
    validation: Any,
    records: Path,
    pace: Pace,
) -> list[ReplayInfluence]:
    """Returns the influence of every training sample by replay, of the training from each of some seeds.

    Args:
        settings: The run's settings.
        seeds: The seeds.
        recorded: Function `(settings, folder) -> (Training, model to measure)` that returns the finished training
            whose record is in a folder, and trains it where there is none.
        validation: As `replay_influence` takes it.
        records: Folder of the records, one for each seed, and of what was found.
        pace: When to save and when to stop.

    Raises:
        UserError: If the training cannot be replayed, the measure does not fit, or another process is at work on a
            seed.
    """
    found = []
    for seed in seeds:
        path = records / f"influence_seed{seed}.npz"
        if (each := _found(path)) is None:
            with locked(records / f"seed{seed}_lock"):
                if (each := _found(path)) is None:  # not by another process meanwhile
                    each = _replayed(dataclasses.replace(settings, seed=seed), recorded, validation, records, pace)
                    save_influence(path, each)
        if seed != settings.seed:  # the run's own may be asked again, by another ranking
            shutil.rmtree(record_folder(records, seed), ignore_errors=True)
        found.append(each)
    return found


def replay_as_set(
    settings: RunSettings,
    recorded: Callable[[Any, Path], tuple[Training, keras.Model]],
    validation: Any,
    records: Path,
    pace: Pace,
) -> ReplayInfluence:
    """Returns the trimmed mean of `replays_as_set` over the seeds that the settings ask for."""
    found = replays_as_set(settings, settings.scoring_seeds, recorded, validation, records, pace)
    return mean_influence(found, TRIM) if len(found) > 1 else found[0]


def _found(path):
    """Returns what an earlier start, or a slice, found; `None` if it is not there, or not whole."""
    try:
        return load_influence(path) if path.exists() else None
    except DamageError as error:
        note(f"{error}; it is computed again")
        return None


def of_leaving_out(found: ReplayInfluence, weights: np.ndarray) -> ReplayInfluence:
    """Returns the influence of leaving each sample out whose weight in the training was not 1.

    A replay finds the derivative with respect to the weight; leaving the sample out takes all of it away.
    """
    spread = None if found.spread is None else found.spread * weights
    return dataclasses.replace(found, scores=found.scores * weights, spread=spread)


def _replayed(settings, recorded, validation, records, pace):
    """Returns the replay of one seed's training, which is taken again where its record turns out to be damaged."""
    record = record_folder(records, settings.seed)
    try:
        return _replay(settings, recorded, validation, records, pace)
    except DamageError as error:
        if not record.exists():
            raise
        note(f"{error}; the training is recorded again")
        shutil.rmtree(record)
        return _replay(settings, recorded, validation, records, pace)


def _replay(settings, recorded, validation, records, pace):
    horizon = number_or_auto(settings.influence_horizon)
    try:
        training, model = recorded(settings, record_folder(records, settings.seed))
        checkpoint = Checkpoint(records / f"replay_seed{settings.seed}.npz", "replay", pace)
        return replay_influence(
            training,
            validation,
            settings.measure,
            horizon=horizon,
            model=model,
            smoothness=settings.influence_smoothness,
            checkpoint=checkpoint,
        )
    except DamageError:
        raise
    except ValueError as error:
        raise UserError(f"--influence=replay: {error}") from error
