"""The influence step of both tasks: from the settings' solver to a `UserError` that names the flag."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfdrop.checkpoint import Checkpoint
from tfdrop.errors import UserError
from tfdrop.influence import ConjugateGradient, DivergenceError, Influence, InfluenceModel, LiSSA
from tfdrop.tasks.devices import on_all_devices
from tfdrop.tasks.settings import RunSettings, number_or_auto

HARMED = 3  # validation samples that are named for each training sample
BASIS = 60  # vectors; of the errors that are left, results/influence_matrix.md and results/self_influence.md


@dataclass(frozen=True)
class InfluenceByColumns(Influence):
    """An `Influence` that is the sum of those on single validation samples.

    Attributes:
        harmed: For each training sample the places of the `HARMED` validation samples that it harms most, the most
            first; -1 where it harms fewer. Shape `(n, HARMED)`.
        basis: Vectors of the basis that served all of them, or `None` where each had a solve.
    """

    harmed: np.ndarray
    basis: int | None = None


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
    curvature = "hessian" if settings.influence == "original" else settings.influence_curvature
    try:
        model = on_all_devices(settings, model)
        model = InfluenceModel(model, train, loss, curvature=curvature, damping=settings.damping, seed=settings.seed)
        arguments = {"solver": solver(settings), "measure": settings.measure, "checkpoint": checkpoint}
        if settings.influence_order == "sum":
            return model.total(validation, **arguments)
        return _by_columns(model, validation, basis=BASIS if settings.influence_order == "basis" else None, **arguments)
    except DivergenceError as error:
        raise UserError(f"--influence_damping={settings.influence_damping}: {error}") from error
    except ValueError as error:  # a damaged checkpoint, or weights or images that are not finite
        raise UserError(str(error)) from error


def _by_columns(model, validation, basis, **arguments):
    """Returns the `Influence` of the paper's order of computation, section III-D: the sum of k solves."""
    found = model.matrix(validation, basis=basis, **arguments)
    return InfluenceByColumns(
        basis=basis,
        harmed=_most_harmed(found.scores),
        scores=found.scores.sum(axis=1),
        solution=np.empty(0),  # there is one for each validation sample
        residual=float(found.residuals.max()),
        converged=bool(found.converged.all()),
        curvature=model.curvature,
        damping=found.damping,
        scale=None,
        spread=None,
        spectrum=model.spectrum,
        history=[],
    )


def _most_harmed(scores):
    """Returns the places of the largest positive scores of each row, the largest first; -1 in the place of others."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :HARMED]
    places = np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
    return np.pad(places, ((0, 0), (0, HARMED - places.shape[1])), constant_values=-1)


def solver(settings: RunSettings) -> ConjugateGradient | LiSSA:
    """Returns the solver that the settings ask for."""
    depth, repeats, batch_size = settings.influence_depth, settings.influence_repeats, settings.influence_batch_size
    scale = number_or_auto(settings.influence_scale)
    if settings.influence == "cg":
        return ConjugateGradient(depth=depth)
    if settings.influence == "lissa":
        return LiSSA(depth, repeats, batch_size, scale=scale)
    theirs = {} if scale == "auto" else {"scale": scale}
    damping = 0.0 if settings.damping == "auto" else settings.damping
    return LiSSA.original(damping=damping, depth=depth, repeats=repeats, batch_size=batch_size, **theirs)
