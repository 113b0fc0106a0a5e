"""Self-influence of all samples from one Krylov basis of the curvature."""

import itertools
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.data.samples import stream
from tfdrop.influence.curvature import norm
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.influence.training_data import batch_length, single_samples
from tfdrop.progress import Progress

BASIS = 5  # names the random stream of the first vector


class Basis(NamedTuple):
    """Orthonormal vectors, and what the damped curvature is in their space.

    Attributes:
        vectors: Tensor of shape `(m, size)`; or `(m + 1, size)` with the vector that would come next, if there is one.
        eigenvalues: Of the curvature in the space of the first m, undamped, shape `(m,)`.
        eigenvectors: Their coordinates, one a column, shape `(m, m)`.
        coupling: What couples the last of the m vectors to the next one; 0 where there is none.
    """

    vectors: Any
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    coupling: float


def scores_by_basis(computation: Any, size: int, verbose: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns `g (C + damping I)^-1 g` for each sample's loss gradient g, and by how much each is too large at most.

    In the space that the basis spans the curvature is what it is there; outside of it, where its eigenvalues are small
    beside the damping once the basis is large enough, it is taken for zero.

    Args:
        computation: The `Computation`, of a Gauss-Newton matrix.
        size: Vectors of the basis, as many as products with the whole data.
        verbose: Whether to show progress.

    Raises:
        ValueError: If the curvature may have negative eigenvalues, for which the bounds do not hold; the damping is not
            positive; or a gradient is not finite.
    """
    if (kind := computation.problem.curvature.kind) != "gauss_newton":
        raise invalid("curvature", "'gauss_newton' where `basis` is given, as it has no negative eigenvalues", kind)
    if computation.damping <= 0:
        raise invalid("damping", "more than 0 where `basis` is given", computation.damping)
    lower, outside = _parts(computation, _basis(computation, size, verbose), verbose)
    return lower + outside / computation.damping, outside / computation.damping


def _basis(computation, size, verbose):
    """Returns the `Basis` from a random start."""
    problem, phases = computation.problem, computation.phases
    first = stream(problem.seed, BASIS).standard_normal(problem.curvature.size).astype("float32")
    start = phases.start("basis")
    begun = tuple(list(start[name]) for name in ("vectors", "diagonal", "off_diagonal")) if start else ([], [], [])

    def state():
        vectors, diagonal, off_diagonal = begun
        stacked = np.stack([ops.convert_to_numpy(vector) for vector in vectors])
        return {"vectors": stacked, "diagonal": np.array(diagonal), "off_diagonal": np.array(off_diagonal)}

    def after_step():
        if not np.isfinite(begun[2][-1]):
            raise invalid("train", "samples with finite loss gradients", received="some that are not finite")
        progress.advance()
        phases.after_step("basis", state)

    with Progress("Basis of the curvature", min(size, problem.curvature.size), verbose, unit="products") as progress:
        progress.resume(len(begun[1]))
        space = krylov(
            lambda v: problem.curvature.product(ops.convert_to_tensor(v), problem.data.batches()),
            ops.convert_to_tensor(first), size, after_step, begun,
        )  # fmt: skip
    whole = state()
    phases.after_step("basis", lambda: whole)  # so that each vector is kept once
    eigenvalues, eigenvectors = np.linalg.eigh(space.tridiagonal)
    coupling = space.left_over if len(whole["vectors"]) > len(space.basis) else 0.0
    return Basis(ops.convert_to_tensor(whole["vectors"]), np.maximum(eigenvalues, 0), eigenvectors, coupling)


def _parts(computation, basis, verbose):
    """Returns what of each sample's score is inside of the basis, and the square of what is left of its gradient.

    The first is a lower bound: no step within a space gains more than the best of all steps. Once the inside is
    eliminated, what remains of a positive semi-definite matrix has no eigenvalue below the damping, so that the rest of
    the gradient, less what the coupling takes, adds at most the square of its length over it.
    """
    problem, phases = computation.problem, computation.phases
    start = phases.start("in basis")
    lower, outside = (list(start[name]) if start else [] for name in ("lower", "outside"))
    done = int(start["batches"]) if start else 0

    def state():
        return {"lower": np.array(lower), "outside": np.array(outside), "batches": done}

    with Progress("Gradients of samples", problem.data.samples, verbose) as progress:
        progress.resume(len(lower))
        for x, y in itertools.islice(problem.data.batches(), done, None):
            for sample in single_samples([(x, y)]):
                gradient = ops.convert_to_tensor(problem.autodiff.gradient(*sample))
                inside, rest = _divided(basis, gradient, computation.damping)
                if not np.isfinite(rest):
                    received = f"sample {len(lower)} with a gradient that is not finite"
                    raise invalid("train", "samples with finite loss gradients", received=received)
                lower.append(inside)
                outside.append(rest)
            done += 1
            progress.advance(batch_length(x))
            phases.after_step("in basis", state)
    return np.array(lower), np.array(outside)


def _divided(basis, gradient, damping):
    """Returns the two parts of one gradient's score."""
    coordinates = ops.convert_to_numpy(ops.matmul(basis.vectors, gradient[:, None]))[:, 0].astype("float64")
    inside = coordinates[: len(basis.eigenvalues)]
    step = basis.eigenvectors @ ((inside @ basis.eigenvectors) / (basis.eigenvalues + damping))
    taken = np.append(inside, basis.coupling * step[-1])[: len(coordinates)].astype("float32")
    rest = gradient - ops.matmul(ops.convert_to_tensor(taken)[None], basis.vectors)[0]
    return float(inside @ step), norm(rest) ** 2
