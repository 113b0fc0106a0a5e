"""The influence of every training sample on every validation sample: eq. (1) of the data dropout paper, not summed."""

import itertools
from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.influence.computation import Computation
from tfdrop.influence.curvature import norm
from tfdrop.influence.solvers.solution import Solution
from tfdrop.influence.training_data import batch_length, single_samples
from tfdrop.progress import Progress


@dataclass(frozen=True)
class InfluenceMatrix:
    """What `InfluenceModel.matrix` and `influence_matrix` return.

    Attributes:
        scores: Array of shape `(n, k)`, eq. (1) for n training and k validation samples. Their sum over the validation
            samples is what `total_influence` finds with one solve.
        residuals: Relative residual of each validation sample's solve, shape `(k,)`.
        converged: Whether it is within the solver's tolerance, shape `(k,)`.
        damping: What was added to the curvature's eigenvalues, in plain units.
    """

    scores: np.ndarray
    residuals: np.ndarray
    converged: np.ndarray
    damping: float


def matrix(problem, validation, solver, columns, checkpoint, verbose, regularized_gradients=None, measure="loss"):
    """Returns the `InfluenceMatrix` of a `Problem`'s training samples; see `InfluenceModel.matrix`."""
    check_whole("columns", columns)
    computation = Computation(problem, solver, checkpoint, 0, regularized_gradients, measure)
    phases = computation.phases
    data, gradient = computation.measured(validation)
    samples = sum(batch_length(x) for x, _ in data.batches())
    if samples == 0:
        raise ValueError(
            "Invalid value received for argument `validation`. Expected at least one sample. Received: none"
        )
    start = phases.start("matrix")
    computation.damping = float(start["damping"]) if start else computation.damping
    found = [start["scores"]] if start else []
    residuals, converged = (list(start[name]) if start else [] for name in ("residuals", "converged"))

    def state():
        return {
            "scores": np.concatenate(found, axis=1),
            "residuals": np.array(residuals),
            "converged": np.array(converged),
            "damping": computation.damping,
        }

    with Progress("Influence of validation samples", samples, verbose) as progress:
        progress.resume(len(residuals))
        while len(residuals) < samples:
            first = len(residuals)
            gradients = itertools.islice(_single_gradients(data, gradient), first, first + columns)
            solutions = _solved(computation, gradients)
            if solutions is None:  # the damping had to be raised: all columns are to have the same
                found, residuals, converged = [], [], []
            else:
                found.append(-computation.train_gradients_times([solution.vector for solution in solutions]))
                residuals += [solution.residual for solution in solutions]
                converged += [solution.converged for solution in solutions]
                progress.advance(len(solutions), residual=residuals[-1])
            phases.forget("solve")
            phases.forget("scores")
            if residuals:
                phases.after_step("matrix", state)
    return InfluenceMatrix(
        np.concatenate(found, axis=1), np.array(residuals), np.array(converged, bool), computation.damping
    )


def _solved(computation, gradients):
    """Returns a `Solution` for each gradient; or `None` if one needed more damping, which the computation then has."""
    solutions = []
    for number, gradient in enumerate(gradients):
        if norm(gradient) == 0:  # nothing changes the loss of this sample
            solutions.append(Solution(gradient, 0.0, True, []))
            continue
        solution, damping = computation.solve(gradient, f"solve {number}")
        if damping != computation.damping:
            computation.damping = damping
            return None
        solutions.append(solution)
    return solutions


def _single_gradients(data, gradient):
    """Yields the gradient of the measure at each validation sample."""
    for sample in single_samples(data.batches()):
        yield ops.convert_to_tensor(gradient(*sample))
