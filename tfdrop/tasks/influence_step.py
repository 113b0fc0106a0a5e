"""The influence step that both programs share: from the settings' solver to a `UserError` that names the flag."""

from tfdrop.checkpoint import Checkpoint, Pace
from tfdrop.errors import UserError
from tfdrop.influence import ConjugateGradient, DivergenceError, LiSSA, total_influence


def resumable_influence(settings, model, train, validation, loss, path, key, pace=None):
    """Returns the `Influence` of every training sample, from the checkpoint at `path` on.

    Args:
        settings: `DenoiseSettings` or `ClassifySettings`.
        model: The trained model, in float32.
        train: Arrays `(x, y)`.
        validation: As `total_influence` takes it.
        loss: The training loss.
        path: Where the checkpoint is or will be.
        key: Text that says which computation it belongs to.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.

    Raises:
        UserError: If the solve diverges, weights or samples are not finite, or the checkpoint is damaged or of another
            computation.
    """
    damping = settings.influence_damping
    try:
        return total_influence(
            model,
            train,
            validation,
            loss=loss,
            solver=_solver(settings),
            curvature=settings.influence_curvature,
            damping=damping if damping == "auto" else float(damping),
            seed=settings.seed,
            checkpoint=Checkpoint(path, key, pace or Pace()),
        )
    except DivergenceError as error:
        raise UserError(f"--influence_damping={damping}: {error}") from error
    except ValueError as error:  # a damaged checkpoint, or weights or images that are not finite
        raise UserError(str(error)) from error


def _solver(settings):
    if settings.influence_solver == "cg":
        return ConjugateGradient(depth=settings.influence_depth)
    return LiSSA(settings.influence_depth, settings.influence_repeats, settings.influence_batch_size)
