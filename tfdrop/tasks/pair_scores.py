"""The influence of every training sample on single validation samples, or on groups of them, of a finished run."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfdrop.checkpoint import Pace
from tfdrop.data.samples import select
from tfdrop.errors import UserError
from tfdrop.influence import ConjugateGradient, InfluenceModel, replay_influence
from tfdrop.losses import HalfSumSquaredError
from tfdrop.tasks.arm import Arm, round_name
from tfdrop.tasks.classification import training as classification_training
from tfdrop.tasks.classification.networks import classification_loss
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.tasks.denoising import training as denoising_training
from tfdrop.tasks.denoising.task import augments
from tfdrop.tasks.influence_step import solver
from tfdrop.tasks.run_folder import RunFolder
from tfdrop.tasks.settings import RunSettings, number_or_auto
from tfdrop.training import Training

FIRST = round_name(1)


def pair_scores(run: RunFolder, data: Any, groups: Sequence[Sequence[int]], influence: str) -> np.ndarray:
    """Returns the influence on the run's measure, summed over each group of validation samples, by round 1's network.

    Args:
        run: The run.
        data: Its data.
        groups: Places of validation samples; a group of one is a single sample.
        influence: `"functions"`, influence functions by the run's solver, or by conjugate gradients where the run has
            none; or `"replay"`, for which round 1 is trained once more, as it was, and walked back for each group.

    Returns:
        Array of shape `(training samples, groups)`: positive harms.

    Raises:
        UserError: If the influence cannot be found.
    """
    try:
        if run.classifies:
            return _of_images(run, data, groups, influence)
        return _of_patches(run, data, groups, influence)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"--influence={influence}: {error}") from error


def _of_images(run, data, groups, influence):
    settings, seed = run.settings, run.seeds[0]
    task = ClassificationTask(settings, data)
    ready, weights = task.data, task.weights(np.arange(task.samples))
    train = classification_training.seen_in_training(settings, ready.train, 1)
    parts = [classification_training.seen_in_training(settings, select(ready.validation, group), 1) for group in groups]
    if influence == "functions":
        network = keras.saving.load_model(seed.folder / classification_training.kept_network(FIRST), compile=False)
        train = train if weights is None else (*train, weights)
        return _solved(settings, network, train, parts, classification_loss(), groups)

    def recorded(record):
        return classification_training.recorded_classifier(
            settings, ready, ready.train, FIRST, 1, record, Pace(), "pairs", weights
        )

    found = replayed_groups(settings, recorded, parts)
    return found if weights is None else found * weights[:, None]  # as `of_leaving_out`


def _of_patches(run, data, groups, influence):
    settings, seed = run.settings, run.seeds[0]
    train = denoising_training.training_pairs(settings, data)
    validation = denoising_training.validation_pairs(settings, data)
    parts = [[validation[place] for place in group] for group in groups]
    if influence == "functions":
        denoiser = keras.saving.load_model(seed.folder / "round1.keras", compile=False)
        return _solved(settings, denoiser, train, parts, HalfSumSquaredError(), groups)

    def recorded(record):
        augment = augments(settings, Arm(FIRST))
        return denoising_training.recorded_denoiser(settings, train, FIRST, augment, record, "pairs", Pace())

    return replayed_groups(settings, recorded, parts)


def _solved(settings, model, train, parts, loss, groups):
    model = InfluenceModel(
        model, train, loss, curvature=settings.influence_curvature, damping=settings.damping, seed=settings.seed
    )
    method = ConjugateGradient(settings.influence_depth) if settings.influence == "replay" else solver(settings)
    if all(len(group) == 1 for group in groups):
        singles = _joined(parts)
        return model.matrix(singles, solver=method, columns=len(groups), measure=settings.measure).scores
    return np.stack([model.total(part, solver=method, measure=settings.measure).scores for part in parts], axis=1)


def _joined(parts):
    """Returns validation data of single samples as one: arrays `(x, y)`, or lists of batches of one."""
    if isinstance(parts[0], list):
        return [batch for part in parts for batch in part]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def replayed_groups(
    settings: RunSettings, recorded: Callable[[Path], tuple[Training, keras.Model]], parts: Sequence[Any]
) -> np.ndarray:
    """Returns the influence by replay on each part of the validation data, shape `(training samples, parts)`.

    Args:
        settings: The run's settings.
        recorded: Function that returns the finished training whose record is in a folder, and the model to measure.
        parts: Validation data, as `replay_influence` takes it.
    """
    horizon = number_or_auto(settings.influence_horizon)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        training, model = recorded(Path(folder))
        for part in parts:
            each = replay_influence(training, part, settings.measure, horizon=horizon, model=model)
            found.append(each.scores)
    return np.stack(found, axis=1)
