"""What every solver returns, and the error if there is nothing worth returning."""

from typing import Any, NamedTuple

import numpy as np

ON_DIVERGENCE = ("raise", "adapt")


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
        vector: Flat tensor, an approximation of `(curvature + damping I)^-1 target`.
        residual: `|target - (curvature + damping I) vector| / |target|`, measured on data.
        converged: Whether the residual is within the solver's tolerance.
        history: List of `(repeat, step, relative residual)`; each solver documents what its residual is measured on.
        scale: The scale that was used, by LiSSA.
        spread: Root mean square distance of the repeats' solutions from their mean, relative to the mean; `None` for
            a single run.
    """

    vector: Any
    residual: float
    converged: bool
    history: list
    scale: float | None = None
    spread: float | None = None


class DivergenceError(ArithmeticError):
    """A solve diverged, or ended no better than zero; the message has the figures and says what to change.

    Args:
        message: The figures, and what to change.
        damping: The damping to try next, or `None` if damping does not help.
        scale: The scale to try next, or `None` if a larger scale does not help.
    """

    def __init__(self, message, damping=None, scale=None):
        super().__init__(message)
        self.damping = damping
        self.scale = scale


def measured(system, vector, tolerance, history, residual=None, **details):
    """Returns the `Solution` with its residual, measured unless it is known.

    Raises:
        DivergenceError: If it is no better than zero.
    """
    residual = system.relative_residual(vector) if residual is None else residual
    if not residual < 1:
        raise DivergenceError(
            f"The solve ended with a relative residual of {residual:.3g}, no better than zero (1), with "
            f"{system.curvature.kind} + {system.damping:.4g} I. "
            "Try more damping, a larger batch_size or depth of the solver, or curvature='gauss_newton'",
            damping=4 * system.damping or None,
        )
    return Solution(vector, residual, residual <= tolerance, history, **details)


def numpy_history(history):
    """Returns a history as an array for a checkpoint, one row per entry."""
    return np.array(history, "float64").reshape(-1, 3)


def restored_history(rows):
    """Returns the history that `numpy_history` turned into an array."""
    return [(int(repeat), int(step), float(residual)) for repeat, step, residual in rows]
