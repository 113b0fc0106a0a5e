"""Self-influence of all samples from one Krylov basis of the curvature."""

import itertools
from typing import Any

import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.data.samples import select, stream
from tfdrop.influence.curvature import norm
from tfdrop.influence.solvers.solution import DivergenceError
from tfdrop.influence.solvers.spectrum import Krylov, krylov
from tfdrop.influence.training_data import batch_length
from tfdrop.progress import Progress

BASIS = 5  # names the random stream of the first vector


def scores_by_basis(computation: Any, size: int, verbose: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns `g (C + damping I)^-1 g` for each sample's loss gradient g, and by how much each is too large at most.

    In the space that the basis spans the curvature is what it is there; outside of it, where its eigenvalues are small
    beside the damping once the basis is large enough, it is taken for zero. The bounds hold for curvatures without
    negative eigenvalues.

    Args:
        computation: The `Computation`.
        size: Vectors of the basis, as many as products with the whole data.
        verbose: Whether to show progress.
    """
    damping = computation.damping
    if damping <= 0:
        raise invalid("damping", "more than 0 where a basis is given", damping)
    computation.check_definite(damping)
    space = _basis(computation, size, verbose)
    coordinates, squares = _gradients(computation, ops.stack(space.basis), verbose)
    lower, upper = _bounds(space, coordinates, squares, damping)
    return upper, upper - lower


def _basis(computation, size, verbose) -> Krylov:
    """Returns the Krylov space of the undamped curvature from a random start."""
    problem, phases = computation.problem, computation.phases
    first = stream(problem.seed, BASIS).standard_normal(problem.curvature.size).astype("float32")
    start = phases.start("basis")
    begun = tuple(list(start[name]) for name in ("vectors", "diagonal", "off_diagonal")) if start else ([], [], [])

    def state():
        vectors, *numbers = begun
        arrays = dict(zip(("diagonal", "off_diagonal"), map(np.array, numbers), strict=True))
        return {"vectors": np.stack([ops.convert_to_numpy(vector) for vector in vectors]), **arrays}

    def after_step():
        progress.advance()
        phases.after_step("basis", state)

    with Progress("Basis of the curvature", min(size, problem.curvature.size), verbose, unit="products") as progress:
        progress.resume(len(begun[1]))
        return krylov(
            lambda v: problem.curvature.product(ops.convert_to_tensor(v), problem.data.batches()),
            ops.convert_to_tensor(first), size, after_step, begun,
        )  # fmt: skip


def _gradients(computation, basis, verbose):
    """Returns each sample's gradient in the basis, shape `(n, m)`, and the square of its length, `(n,)`."""
    problem, phases = computation.problem, computation.phases
    start = phases.start("in basis")
    coordinates, squares = (list(start[name]) if start else [] for name in ("coordinates", "squares"))
    done = int(start["batches"]) if start else 0

    def state():
        return {"coordinates": np.stack(coordinates), "squares": np.array(squares), "batches": done}

    with Progress("Gradients of samples", problem.data.samples, verbose) as progress:
        progress.resume(len(squares))
        for x, y in itertools.islice(problem.data.batches(), done, None):
            for sample in range(batch_length(x)):
                gradient = ops.convert_to_tensor(problem.autodiff.gradient(*select((x, y), slice(sample, sample + 1))))
                coordinates.append(ops.convert_to_numpy(ops.sum(basis * gradient, axis=1)).astype("float64"))
                squares.append(norm(gradient) ** 2)
            done += 1
            progress.advance(batch_length(x))
            phases.after_step("in basis", state)
    return np.stack(coordinates), np.array(squares)


def _bounds(space, coordinates, squares, damping):
    """Returns for each sample two bounds of the score, of which the upper one is near where the basis is large.

    The matrix in the basis is T + damping I; one number beta, between its last vector and the next, couples it to the
    rest. The part of the score inside is the lower bound: no step within a space gains more than the best of all steps.
    Once the inside is eliminated, what remains of a positive semi-definite matrix has no eigenvalue below the damping,
    so that the rest of the gradient, less what the coupling takes, adds at most the square of its length over it.
    """
    inside, beta = len(space.basis), 0.0
    if not space.spans_invariant:  # the last vector is the next one of the space of the others
        inside, beta = inside - 1, space.tridiagonal[-1, -2]
    eigenvalues, eigenvectors = np.linalg.eigh(space.tridiagonal[:inside, :inside])
    if eigenvalues[0] + damping <= 1e-6 * eigenvalues[-1]:
        raise DivergenceError(
            f"The curvature with a damping of {damping:.4g} is not positive definite: an eigenvalue is "
            f"{eigenvalues[0] + damping:.4g}. Try more damping, or curvature='gauss_newton'",
            damping=-2 * eigenvalues[0],
        )
    gradients = coordinates[:, :inside]
    steps = (gradients @ eigenvectors / (eigenvalues + damping)) @ eigenvectors.T
    lower = np.sum(gradients * steps, axis=1)
    coupled = beta * steps[:, -1]
    outside = squares - np.sum(gradients**2, axis=1) - 2 * coupled * coordinates[:, -1] + coupled**2
    return lower, lower + np.maximum(outside, 0) / damping
