"""Influence of every training sample on the summed validation loss: eq. (1) and (2) of the data dropout paper."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.influence.computation import Computation
from tfdrop.influence.solvers.spectrum import Spectrum


@dataclass(frozen=True)
class Influence:
    """What `InfluenceModel.total` and `total_influence` return.

    Attributes:
        scores: Array of shape `(n,)`, eq. (1) summed over the validation samples: the change of the summed
            validation loss, or other measure, when a training sample is weighted up. Positive means unfavorable:
            leaving the sample out lowers it.
        solution: The vector `s` of eq. (2), `(curvature + damping I)^-1` times the validation gradient.
        residual: `|v - (curvature + damping I) s| / |v|` of that solution, measured on up to 8,192 training
            samples (by conjugate gradients: on all); 0 is exact, 1 no better than `s = 0`.
        converged: Whether the residual is within the solver's tolerance.
        curvature: `"hessian"` or `"gauss_newton"`.
        damping: What was added to the curvature's eigenvalues, in plain units.
        scale: LiSSA's scale; `None` of other solvers.
        spread: Relative spread between LiSSA's repeats, where there are several.
        spectrum: Extremal eigenvalues of the curvature on a few hundred training samples, undamped.
        history: The solver's progress, `(repeat, step, relative residual)`.
    """

    scores: np.ndarray
    solution: np.ndarray
    residual: float
    converged: bool
    curvature: str
    damping: float
    scale: float | None
    spread: float | None
    spectrum: Spectrum
    history: list

    @property
    def removal_effect(self) -> np.ndarray:
        """Predicted change of the summed validation loss when a sample is left out: `-scores / n`."""
        return -self.scores / len(self.scores)

    def rescaled(self, leverages: ArrayLike) -> "Influence":
        """Returns the influence with each score divided by 1 minus the sample's leverage.

        Influence is of first order in 1 / n; a sample that is much of the curvature along its own step changes more.

        Args:
            leverages: Array of shape `(n,)`: `SelfInfluence.leverages` of the same model, data and damping.

        Raises:
            ValueError: If they are not n numbers below 1. With `curvature="gauss_newton"` and some damping they are; a
                Hessian away from a minimum can have others.

        Reference:
            - [Rubinstein and Hopkins, 2025](https://arxiv.org/abs/2506.06656), for generalized linear models.
        """
        given = _leverages(leverages, len(self.scores))
        return dataclasses.replace(self, scores=(self.scores / (1 - given)).astype(self.scores.dtype))


def _leverages(leverages, samples):
    if leverages is None:
        raise invalid("leverages", "those of `self_influence` without `draws`", None)
    try:
        given = np.asarray(leverages, "float64")
    except (TypeError, ValueError):
        raise invalid("leverages", f"{samples} numbers below 1", leverages) from None
    if given.shape != (samples,):
        raise invalid("leverages", f"{samples} numbers below 1", received=f"shape {given.shape}")
    bad = np.flatnonzero(~np.isfinite(given) | (given >= 1))
    if bad.size:
        raise invalid("leverages", f"{samples} numbers below 1", received=f"{given[bad[0]]:.4g} of sample {bad[0]}")
    return given


def total(problem, validation, solver, checkpoint, verbose, regularized_gradients=None, measure="loss"):
    """Returns the `Influence` of a `Problem`'s training samples; see `InfluenceModel.total`."""
    computation = Computation(problem, solver, checkpoint, verbose, regularized_gradients, measure)
    solution, damping = computation.solve(computation.validation_gradient(validation))
    return Influence(
        scores=-computation.train_gradients_times([solution.vector])[:, 0],
        solution=ops.convert_to_numpy(solution.vector),
        residual=solution.residual,
        converged=solution.converged,
        curvature=problem.curvature.kind,
        damping=damping,
        scale=solution.scale,
        spread=solution.spread,
        spectrum=computation.spectrum,
        history=solution.history,
    )
