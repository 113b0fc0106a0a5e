"""What every solver hands back, and the error where there is nothing worth handing back."""

from typing import Any, NamedTuple

import numpy as np

ON_DIVERGENCE = ("raise", "adapt")


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
        vector: Flat tensor, an approximation of `(curvature + damping I)^-1 target`.
        residual: `|target - (curvature + damping I) vector| / |target|`, measured on data.
        converged: Whether the residual is within the solver's tolerance.
        history: List of `(repeat, step, relative residual)`; what the residual was measured on, the solver says.
        scale: The scale that was used, by LiSSA.
        spread: Distance of the repeats' solutions from their mean, root mean square and relative to it, where there
            are several.
    """

    vector: Any
    residual: float
    converged: bool
    history: list
    scale: float | None = None
    spread: float | None = None


class DivergenceError(ArithmeticError):
    """A solve ran away, or ended no better than zero; the message gives the figures and what to change.

    Args:
        message: The figures and what to change.
        damping: The damping to try next, or `None` if damping is no remedy.
        scale: The scale to try next, or `None` if the scale is no remedy.
    """

    def __init__(self, message, damping=None, scale=None):
        super().__init__(message)
        self.damping = damping
        self.scale = scale


def measured(system, vector, tolerance, history, **details):
    """Returns the `Solution` with its residual measured.

    Raises:
        DivergenceError: If it is no better than zero.
    """
    residual = system.relative_residual(vector)
    if not residual < 1:
        raise DivergenceError(
            f"The solve ended with a relative residual of {residual:.3g}, no better than zero (1), with "
            f"{system.curvature.kind} + {system.damping:.4g} I. "
            "Try more damping, a larger batch_size or depth of the solver, or curvature='gauss_newton'",
            damping=4 * system.damping or None,
        )
    return Solution(vector, residual, residual <= tolerance, history, **details)


def numpy_history(history):
    """Returns a history as an array for a checkpoint, one row an entry."""
    return np.array(history, "float64").reshape(-1, 3)


def restored_history(rows):
    """Returns the history that `numpy_history` turned into an array."""
    return [(int(repeat), int(step), float(residual)) for repeat, step, residual in rows]
