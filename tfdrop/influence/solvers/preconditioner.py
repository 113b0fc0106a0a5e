"""Approximate inverses of a damped curvature, to precondition conjugate gradients with."""

import numpy as np
from keras import ops

from tfdrop.influence.curvature import dot

FIRST_SCALE, LARGEST_SCALE = 2.0, 64.0
DIVERGED = 4.0  # squared length of what is left, relative to that of the right-hand side, or of the first step's


class KrylovInverse:
    """The inverse on a Krylov space, where its eigenvalues are positive, and a multiple of the identity outside.

    Args:
        space: The `Krylov` space of an estimate of the curvature.
        damping: Number added to the eigenvalues.
        outside: What the damped curvature is taken to be outside; `None` for its smallest eigenvalue inside.
    """

    def __init__(self, space, damping, outside=None):
        eigenvalues, eigenvectors = np.linalg.eigh(space.tridiagonal)
        kept = eigenvalues > 0
        damped = eigenvalues[kept] + damping
        self._outside = damped.min(initial=np.inf) if outside is None else outside
        if not 0 < self._outside < np.inf:
            self._outside = 1.0
        coefficients = ops.convert_to_tensor(eigenvectors[:, kept].astype("float32"))
        self._vectors = ops.matmul(ops.stack(space.basis, axis=1), coefficients)
        self._inverses = ops.convert_to_tensor((1 / damped).astype("float32"))

    def __call__(self, vector):
        """Returns the approximate inverse times a vector."""
        coordinates = self._coordinates(vector)
        return vector / self._outside + self._combined((self._inverses - 1 / self._outside) * coordinates)

    def inside(self, vector):
        """Returns the inverse on the Krylov space times the part of a vector that is in it."""
        return self._combined(self._inverses * self._coordinates(vector))

    def _coordinates(self, vector):
        return ops.matmul(vector[None], self._vectors)[0]

    def _combined(self, coefficients):
        return ops.matmul(self._vectors, coefficients[:, None])[:, 0]


class RoughLiSSA:
    """A few steps of LiSSA, preconditioned, on batches of strata: a rough solution for each right-hand side.

    From the solution on the Krylov space every step does `h <- h + inverse(v - C_batch h - damping h) / scale`, and the
    mean over the later half is returned. The batches' samples are drawn by their losses: with batches drawn evenly the
    steps diverge for a network that fits its data, in which few samples have the curvature.

    The scale doubles where steps diverge, and stays so. Beyond the largest it is infinite, which leaves the inverse:
    where a few samples have a thousandfold curvature, batches tell nothing.

    Args:
        system: A `DampedSystem`, whose target is not used.
        inverse: A `KrylovInverse`.
        steps: Number of steps.
        scale: The first scale; 2 was enough for a CNN and two ResNets.
    """

    def __init__(self, system, inverse, steps, scale=FIRST_SCALE):
        self._system = system
        self._inverse = inverse
        self._steps = steps
        self.scale = scale

    def __call__(self, target, key):
        """Returns a rough solution for a right-hand side; each integer key has its own batches."""
        while self.scale <= LARGEST_SCALE:
            solution = self._solve(target, key)
            if solution is not None:
                return solution
            self.scale *= 2
        self.scale = float("inf")
        return self._inverse(target)

    def _solve(self, target, key):
        """Returns the mean over the later half of the steps, or `None` where they diverge."""
        h, total = self._inverse.inside(target), 0.0
        most = DIVERGED * float(dot(target, self._inverse(target)))
        for step, product in enumerate(self._system.rough.products_of_steps(self._steps, key)):
            left = target - product(h) - self._system.damping * h
            change = self._inverse(left)
            length = float(dot(left, change))
            most = max(most, DIVERGED * length) if step == 0 else most
            if not length <= most:  # also true for NaN
                return None
            h = h + change / self.scale
            total = total + h if step >= self._steps // 2 else total
        return total / float(self._steps - self._steps // 2)
