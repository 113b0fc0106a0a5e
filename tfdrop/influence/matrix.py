"""The influence of every training sample on every validation sample: eq. (1) of the data dropout paper, not summed."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.data.samples import select
from tfdrop.influence.phases import Phases
from tfdrop.influence.problem import Problem
from tfdrop.influence.solvers import get_solver, solve
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
        Others: As for `total_influence`.

    Returns:
        An `InfluenceMatrix`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As `total_influence` does.
    """
    check_whole("columns", columns)
    solver = get_solver(solver)
    phases = Phases(checkpoint)
    problem = Problem(model, train, loss, curvature, damping, variables, batch_size, seed, 0, phases, solver)
    gradients = _single_gradients(problem, validation)
    start = phases.start("matrix")
    scores = [start["scores"]] if start else []
    residuals = list(start["residuals"]) if start else []
    converged = list(start["converged"]) if start else []
    problem.damping = float(start["damping"]) if start else problem.damping

    def state():
        return {
            "scores": np.concatenate(scores, axis=1),
            "residuals": np.array(residuals),
            "converged": np.array(converged),
            "damping": problem.damping,
        }

    with Progress("Influence of validation samples", len(gradients), verbose) as progress:
        progress.advance(len(residuals))
        while len(residuals) < len(gradients):
            block = gradients[len(residuals) : len(residuals) + columns]
            solutions = []
            for number, gradient in enumerate(block):
                solution, system = solve(problem, solver, gradient, phases, f"solve {number}", verbose=0)
                problem.damping = system.damping  # where the solver adapted it, for the others too
                solutions.append(solution)
            scores.append(-problem.gradients_times([solution.vector for solution in solutions]))
            residuals += [solution.residual for solution in solutions]
            converged += [solution.converged for solution in solutions]
            phases.forget("solve")
            phases.forget("scores")
            progress.advance(len(block), residual=residuals[-1])
            phases.after_step("matrix", state)
    return InfluenceMatrix(
        np.concatenate(scores, axis=1), np.array(residuals), np.array(converged, bool), problem.damping
    )


def _single_gradients(problem, validation):
    """Returns the loss gradient of each validation sample."""
    gradients = []
    for x, y in problem.validation_batches(validation):
        for sample in range(batch_length(x)):
            gradients.append(problem.autodiff.gradient(*select((x, y), slice(sample, sample + 1))))
    if not gradients:
        raise ValueError(
            "Invalid value received for argument `validation`. Expected at least one sample. Received: none"
        )
    return [ops.convert_to_tensor(gradient) for gradient in gradients]
