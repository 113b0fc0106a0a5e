"""Krylov spaces of a curvature by Lanczos iteration: its extremal eigenvalues, and functions of it."""

from typing import NamedTuple

import numpy as np
from keras import ops

from tfdrop.influence.curvature import dot, norm

SPECTRUM_STEPS = 12  # fewer do not show the smallest eigenvalue


class Spectrum(NamedTuple):
    """Estimates of the extremal eigenvalues, each with a bound on its distance to the nearest eigenvalue."""

    smallest: float
    largest: float
    smallest_error: float
    largest_error: float


class Krylov(NamedTuple):
    """What the Lanczos iteration builds from a symmetric matrix A and a start vector.

    Attributes:
        basis: List of orthonormal vectors `q_1, ..., q_m`; `q_1` is the first vector's direction.
        tridiagonal: NumPy array `Q^T A Q` of shape `(m, m)`.
        left_over: Length of the part of `A q_m` outside of the basis; 0 if the basis spans an invariant subspace.
    """

    basis: list
    tridiagonal: np.ndarray
    left_over: float

    def spectrum(self):
        """Returns the `Spectrum` of the matrix."""
        eigenvalues, eigenvectors = np.linalg.eigh(self.tridiagonal)
        errors = self.left_over * np.abs(eigenvectors[-1])
        return Spectrum(float(eigenvalues[0]), float(eigenvalues[-1]), float(errors[0]), float(errors[-1]))

    def apply_to_first(self, function):
        """Returns `f(A) q_1`, by way of `Q f(T) e_1`; `function` takes and returns an array of eigenvalues."""
        eigenvalues, eigenvectors = np.linalg.eigh(self.tridiagonal)
        coefficients = eigenvectors @ (function(eigenvalues) * eigenvectors[0])
        return sum(float(c) * q for c, q in zip(coefficients, self.basis, strict=True))


def krylov(product, first, steps, after_step=None, begun=None):
    """Builds the `Krylov` space of a symmetric matrix from `steps` products with it.

    The basis is fully reorthogonalized at every step, so no eigenvalue is found twice.

    Args:
        product: Function `vector -> matrix times vector`.
        first: The start vector, not zero.
        steps: Number of products; more than the size of the vectors are not needed.
        after_step: Function called after every product.
        begun: Lists of what was found so far, to go on from and to add to: the vectors of the basis, the diagonal and
            what is beside it. They may be of more steps than asked for.
    """
    basis, diagonal, off_diagonal = ([], [], []) if begun is None else begun
    basis.extend([] if basis else [first / norm(first)])
    # Where there is no vector more than there are products, the basis spans an invariant subspace.
    while len(diagonal) < min(steps, len(first)) and len(basis) > len(diagonal):
        vector = product(basis[-1])
        middle = float(dot(vector, basis[-1]))
        # Twice: one pass of Gram-Schmidt in float32 leaves components of the order of its rounding error.
        for previous in basis + basis:
            vector = vector - dot(vector, previous) * previous
        beside = norm(vector)
        following = [vector / beside] if beside > 1e-6 * max(map(abs, [*diagonal, middle])) else []  # else rounding
        # Together, so that what is begun can go on after an interruption.
        diagonal.append(middle)
        off_diagonal.append(beside)
        basis.extend(following)
        if after_step is not None:
            after_step()
    count = min(steps, len(diagonal))
    inner = off_diagonal[: count - 1]
    tridiagonal = np.diag(diagonal[:count]) + np.diag(inner, 1) + np.diag(inner, -1)
    return Krylov(basis[:count], tridiagonal, off_diagonal[count - 1])


def lanczos(product, size, steps=SPECTRUM_STEPS, seed=0, after_step=None):
    """Estimates the extremal eigenvalues of a symmetric matrix from `steps` products with it.

    The largest in magnitude converge first; the smallest of a positive semi-definite matrix is an upper estimate.

    Args:
        product: Function `vector -> matrix times vector`.
        size: Length of the vectors.
        steps: Number of products, at most `size`.
        seed: Integer seed of the random first vector.
        after_step: Function called after every product.

    Returns:
        A `Spectrum`.
    """
    first = np.random.default_rng(seed).standard_normal(size).astype("float32")
    return krylov(product, ops.convert_to_tensor(first), steps, after_step).spectrum()
