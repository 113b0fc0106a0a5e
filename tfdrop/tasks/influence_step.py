"""The influence step of both tasks: from the settings' solver to a `UserError` that names the flag."""

from typing import Any

import keras

from tfdrop.checkpoint import Checkpoint
from tfdrop.errors import UserError
from tfdrop.influence import ConjugateGradient, DivergenceError, Influence, LiSSA, total_influence
from tfdrop.tasks.settings import RunSettings


def influence_as_set(
    settings: RunSettings,
    model: keras.Model,
    train: Any,
    validation: Any,
    loss: keras.losses.Loss,
    checkpoint: Checkpoint,
) -> Influence:
    """Returns the `Influence` of every training sample, going on from the checkpoint.

    Args:
        settings: The run's settings.
        model: The trained model, in float32.
        train: Arrays `(x, y)`.
        validation: As `total_influence` takes it.
        loss: The training loss.
        checkpoint: Where it is saved.

    Raises:
        UserError: If the solve diverges, weights or samples are not finite, or the checkpoint is damaged or of another
            computation.
    """
    try:
        return total_influence(
            model,
            train,
            validation,
            loss=loss,
            solver=_solver(settings),
            curvature=settings.influence_curvature,
            damping=settings.damping,
            seed=settings.seed,
            checkpoint=checkpoint,
        )
    except DivergenceError as error:
        raise UserError(f"--influence_damping={settings.influence_damping}: {error}") from error
    except ValueError as error:  # a damaged checkpoint, or weights or images that are not finite
        raise UserError(str(error)) from error


def _solver(settings):
    if settings.influence_solver == "cg":
        return ConjugateGradient(depth=settings.influence_depth)
    return LiSSA(settings.influence_depth, settings.influence_repeats, settings.influence_batch_size)
