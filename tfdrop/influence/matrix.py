"""The influence of every training sample on every validation sample: eq. (1) of the data dropout paper, not summed."""

import itertools
from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.data.samples import select
from tfdrop.influence.curvature import norm
from tfdrop.influence.phases import Phases
from tfdrop.influence.problem import Problem
from tfdrop.influence.solvers.driver import get_solver, solve
from tfdrop.influence.solvers.solution import Solution
from tfdrop.influence.training_data import batch_length
from tfdrop.progress import Progress


@dataclass(frozen=True)
class InfluenceMatrix:
    """What `influence_matrix` found.

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


def influence_matrix(
    model,
    train,
    validation,
    loss=None,
    solver="lissa",
    curvature="hessian",
    damping="auto",
    variables=None,
    columns=1,
    batch_size=64,
    seed=0,
    verbose="auto",
    checkpoint=None,
):
    """Returns the influence of every training sample on every validation sample, eq. (1), in the paper's order.

    The paper's order (section III-D) fixes a validation sample, solves for its `s_j`, and then runs through all of the
    training samples. That is k solves and k passes over the training data; for the sum alone `total_influence` does
    one of each.

    Args:
        columns: Validation samples that share a reading of the training data: their solves come one after another, then
            one pass scores all of them. 1 is the paper's order. The result is the same.
        Others: As for `total_influence`; a data set of validation samples must be one that can be read again.

    Returns:
        An `InfluenceMatrix`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As `total_influence` does.
    """
    check_whole("columns", columns)
    solver = get_solver(solver)
    phases = Phases(checkpoint, model, solver=solver, curvature=curvature, damping=damping, seed=seed)
    problem = Problem(model, train, loss, curvature, damping, variables, batch_size, seed, 0, phases, solver)
    samples = sum(batch_length(x) for x, _ in problem.validation_batches(validation))
    if samples == 0:
        raise ValueError(
            "Invalid value received for argument `validation`. Expected at least one sample. Received: none"
        )
    start = phases.start("matrix")
    problem.damping = float(start["damping"]) if start else problem.damping
    found = [start["scores"]] if start else []
    residuals, converged = (list(start[name]) if start else [] for name in ("residuals", "converged"))

    def state():
        return {
            "scores": np.concatenate(found, axis=1),
            "residuals": np.array(residuals),
            "converged": np.array(converged),
            "damping": problem.damping,
        }

    with Progress("Influence of validation samples", samples, verbose) as progress:
        progress.resume(len(residuals))
        while len(residuals) < samples:
            first = len(residuals)
            gradients = itertools.islice(_single_gradients(problem, validation), first, first + columns)
            solutions = _solved(problem, solver, gradients, phases)
            if solutions is None:  # the damping had to be raised: all columns are to have the same
                found, residuals, converged = [], [], []
            else:
                found.append(-problem.gradients_times([solution.vector for solution in solutions]))
                residuals += [solution.residual for solution in solutions]
                converged += [solution.converged for solution in solutions]
                progress.advance(len(solutions), residual=residuals[-1])
            phases.forget("solve")
            phases.forget("scores")
            if residuals:
                phases.after_step("matrix", state)
    return InfluenceMatrix(
        np.concatenate(found, axis=1), np.array(residuals), np.array(converged, bool), problem.damping
    )


def _solved(problem, solver, gradients, phases):
    """Returns a `Solution` for each gradient; or `None` if one needed more damping, which the problem then has."""
    solutions = []
    for number, gradient in enumerate(gradients):
        if norm(gradient) == 0:  # nothing changes the loss of this sample
            solutions.append(Solution(gradient, 0.0, True, []))
            continue
        solution, system = solve(problem, solver, gradient, phases, f"solve {number}", verbose=0)
        if system.damping != problem.damping:
            problem.damping = system.damping
            return None
        solutions.append(solution)
    return solutions


def _single_gradients(problem, validation):
    """Yields the loss gradient of each validation sample."""
    for x, y in problem.validation_batches(validation):
        for sample in range(batch_length(x)):
            yield ops.convert_to_tensor(problem.autodiff.gradient(*select((x, y), slice(sample, sample + 1))))
