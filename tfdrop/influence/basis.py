"""An orthonormal basis of the space where most of the curvature is, and solves within it."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.progress import Progress


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

    def split(self, vector: Any, damping: float) -> tuple[np.ndarray, np.ndarray, Any]:
        """Returns a vector's coordinates, their damped inverse, and what is left once they are eliminated, a tensor.

        For the parts `a`, `b` of two vectors, `a[0] @ b[1] + a[2] @ b[2] / damping` is `a (C + damping I)^-1 b`, but
        for the curvature outside, which is small beside the damping once the basis is large enough. As that is positive
        semi-definite after the elimination, too, where the whole is, the second term is off by no more than the product
        of the two lengths over the damping, and too large where the vectors are the same.
        """
        coordinates = ops.convert_to_numpy(ops.matmul(self.vectors, vector[:, None]))[:, 0].astype("float64")
        inside = coordinates[: len(self.eigenvalues)]
        step = self._inverse(inside, damping)
        taken = np.append(inside, self.coupling * step[-1])[: len(coordinates)]
        return inside, step, vector - self._combined(taken)

    def solve(self, vector: Any, damping: float, outside_inverse: float) -> Any:
        """Returns `(C + damping I)^-1` times a vector, a tensor.

        Outside of the basis, once the inside is eliminated, that inverse is taken for `outside_inverse` times the
        identity: at most 1 / damping, less where there is curvature outside.
        """
        inside, _, rest = self.split(vector, damping)
        outside = outside_inverse * rest
        if len(self.vectors) > len(inside):
            inside[-1] -= self.coupling * float(ops.convert_to_numpy(ops.sum(self.vectors[-1] * outside)))
        step = self._inverse(inside, damping)
        return outside + self._combined(np.append(step, 0.0)[: len(self.vectors)])

    def _inverse(self, inside, damping):
        return self.eigenvectors @ ((inside @ self.eigenvectors) / (self.eigenvalues + damping))

    def _combined(self, coordinates):
        return ops.matmul(ops.convert_to_tensor(coordinates.astype("float32"))[None], self.vectors)[0]


def check_curvature(problem: Any) -> None:
    """Raises a `ValueError` where what is outside of a basis has no bound: of a Hessian."""
    if (kind := problem.curvature.kind) != "gauss_newton":
        raise invalid("curvature", "'gauss_newton' where `basis` is given, as it has no negative eigenvalues", kind)


def check_damping(computation: Any) -> None:
    """Raises a `ValueError` where what is outside of a basis has no bound: without damping."""
    if computation.damping <= 0:
        raise invalid("damping", "more than 0 where `basis` is given", computation.damping)


def curvature_basis(computation: Any, first: Any, size: int, verbose: Any) -> Basis:
    """Returns the `Basis` of the Krylov space of a `Computation`'s curvature from a first vector.

    Args:
        computation: The `Computation`, of a Gauss-Newton matrix; the basis is kept in its phase "basis".
        first: Tensor, not zero.
        size: Vectors of the basis, as many as products with the whole data.
        verbose: Whether to show progress.

    Raises:
        ValueError: If a gradient is not finite.
    """
    problem, phases = computation.problem, computation.phases
    problem.rough.forget()
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
            first, size, after_step, begun,
        )  # fmt: skip
    whole = state()
    coupling = space.left_over if len(whole["vectors"]) > len(space.basis) else 0.0
    eigenvalues, eigenvectors = np.linalg.eigh(space.tridiagonal)
    begun[0].clear()  # what is kept of the vectors is one array
    phases.forget("basis")
    phases.after_step("basis", lambda: whole)
    del space
    return Basis(ops.convert_to_tensor(whole["vectors"]), eigenvalues, eigenvectors, coupling)
