"""The influence of every training sample on every validation sample: eq. (1) of the data dropout paper, not summed."""

import itertools
from dataclasses import dataclass
from functools import partial

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole, invalid
from tfdrop.influence.basis import check_curvature
from tfdrop.influence.computation import Computation
from tfdrop.influence.curvature import norm
from tfdrop.influence.matrix_by_basis import solver_by_basis
from tfdrop.influence.solvers.solution import Solution
from tfdrop.influence.training_data import batch_length, single_samples
from tfdrop.progress import Progress

AUTOMATIC_MEMORY = 2**27  # bytes of the solutions that share a pass over the training data
BYTES_A_NUMBER = 4
SOLVED = ("vectors", "residuals", "converged")  # of the columns that wait for their pass


@dataclass(frozen=True)
class InfluenceMatrix:
    """What `InfluenceModel.matrix` and `influence_matrix` return.

    Attributes:
        scores: Array of shape `(n, k)`, eq. (1) for n training and k validation samples. Their sum over the validation
            samples is what `total_influence` finds with one solve.
        residuals: Relative residual of each validation sample's solve, shape `(k,)`. From a basis, the same for all:
            their root mean square, estimated.
        converged: Whether it is within the solver's tolerance, shape `(k,)`; from a basis, within 0.1.
        damping: What was added to the curvature's eigenvalues, in plain units.
    """

    scores: np.ndarray
    residuals: np.ndarray
    converged: np.ndarray
    damping: float


def matrix(
    problem, validation, solver, columns, checkpoint, verbose, regularized_gradients=None, measure="loss", basis=None
):
    """Returns the `InfluenceMatrix` of a `Problem`'s training samples; see `InfluenceModel.matrix`."""
    columns = _columns(columns, problem.curvature.size)
    by_basis = {}
    if basis is not None:
        by_basis["basis"] = check_whole("basis", basis, lowest=2)
        check_curvature(problem)
    computation = Computation(problem, solver, checkpoint, 0, regularized_gradients, measure, **by_basis)
    phases = computation.phases
    data, gradient = computation.measured(validation)
    samples = _count(data)
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

    gradients = partial(_single_gradients, data, gradient)
    one_by_one = partial(_solved, computation)
    solved = solver_by_basis(computation, gradients, samples, basis, verbose) if basis else one_by_one
    left = gradients(len(residuals))
    with Progress("Influence of validation samples", samples, verbose) as progress:
        progress.resume(len(residuals))
        while len(residuals) < samples:
            solutions = solved(itertools.islice(left, columns), progress)
            if solutions is None:  # the damping had to be raised: all columns are to have the same
                found, residuals, converged, left = [], [], [], gradients(0)
                progress.resume(0)
            else:
                found.append(-computation.train_gradients_times([solution.vector for solution in solutions]))
                residuals += [solution.residual for solution in solutions]
                converged += [solution.converged for solution in solutions]
            for done in ("solve", "columns", "scores"):
                phases.forget(done)
            if residuals:
                phases.after_step("matrix", state)
    return InfluenceMatrix(
        np.concatenate(found, axis=1), np.array(residuals), np.array(converged, bool), computation.damping
    )


def _count(data):
    """Returns the number of validation samples."""
    if samples := sum(batch_length(x) for x, _ in data.batches()):
        return samples
    raise invalid("validation", "at least one sample", received="none")


def _columns(columns, size):
    """Returns how many columns share a pass: as many as have room, if that is "auto"."""
    if columns == "auto":
        return max(1, AUTOMATIC_MEMORY // (BYTES_A_NUMBER * size))
    return check_whole("columns", columns)


def _solved(computation, gradients, progress):
    """Returns a `Solution` for each gradient; or `None` if one needed more damping, which the computation then has."""
    phases = computation.phases
    start = phases.start("columns")
    vectors, residuals, converged = (list(start[name]) if start else [] for name in SOLVED)
    vectors = [ops.convert_to_tensor(vector) for vector in vectors]
    progress.advance(len(vectors))

    def state():
        found = np.stack([ops.convert_to_numpy(vector) for vector in vectors]), np.array(residuals), np.array(converged)
        return dict(zip(SOLVED, found, strict=True))

    for gradient in itertools.islice(gradients, len(vectors), None):
        solution = Solution(gradient, 0.0, True, [])
        if norm(gradient) != 0:  # else nothing changes the loss of this sample
            solution, damping = computation.solve(gradient)
            if damping != computation.damping:
                computation.damping = damping
                return None
        vectors.append(solution.vector)
        residuals.append(solution.residual)
        converged.append(solution.converged)
        progress.advance(residual=solution.residual)
        phases.forget("solve")
        phases.after_step("columns", state)
    return [Solution(*solved, []) for solved in zip(vectors, residuals, converged, strict=True)]


def _single_gradients(data, gradient, first):
    """Yields the gradient of the measure at each validation sample from a number on."""
    for sample in itertools.islice(single_samples(data.batches()), first, None):
        yield ops.convert_to_tensor(gradient(*sample))
