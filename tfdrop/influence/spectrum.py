"""Extremal eigenvalues of a curvature, by Lanczos iteration."""

from typing import NamedTuple

import numpy as np
from keras import ops

from tfdrop.influence.curvature import norm


class Spectrum(NamedTuple):
    """Estimates of the extremal eigenvalues, each with a bound on its distance to the nearest eigenvalue."""

    smallest: float
    largest: float
    smallest_error: float
    largest_error: float


def lanczos(product, size, steps=12, seed=0):
    """Estimates the extremal eigenvalues of a symmetric matrix from `steps` products with it.

    The basis is orthogonalized in full at every step, so no eigenvalue shows up twice. The largest in
    magnitude converge first; the smallest of a positive semi-definite matrix is an upper estimate.

    Args:
        product: Function `vector -> matrix times vector`.
        size: Length of the vectors.
        steps: Number of products, at most `size`.
        seed: Integer seed of the random first vector.

    Returns:
        A `Spectrum`.
    """
    start = np.random.default_rng(seed).standard_normal(size).astype("float32")
    basis = [ops.convert_to_tensor(start / np.linalg.norm(start))]
    diagonal, off_diagonal = [], []
    for _ in range(min(steps, size)):
        vector = product(basis[-1])
        diagonal.append(float(ops.dot(vector, basis[-1])))
        # Twice: one pass of Gram-Schmidt in float32 leaves components of the order of its rounding error.
        for previous in basis + basis:
            vector = vector - ops.dot(vector, previous) * previous
        off_diagonal.append(norm(vector))
        if off_diagonal[-1] <= 1e-6 * max(map(abs, diagonal)):
            break  # the basis spans an invariant subspace: the eigenvalues found are exact
        basis.append(vector / off_diagonal[-1])
    inner = off_diagonal[: len(diagonal) - 1]
    tridiagonal = np.diag(diagonal) + np.diag(inner, 1) + np.diag(inner, -1)
    eigenvalues, eigenvectors = np.linalg.eigh(tridiagonal)
    errors = off_diagonal[-1] * np.abs(eigenvectors[-1])
    return Spectrum(
        smallest=float(eigenvalues[0]),
        largest=float(eigenvalues[-1]),
        smallest_error=float(errors[0]),
        largest_error=float(errors[-1]),
    )
