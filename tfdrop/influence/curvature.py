"""The matrix that influence functions invert, as matrix-vector products over any part of the training data."""

import numpy as np
from keras import ops

from tfdrop.data.samples import select

CURVATURES = ("hessian", "gauss_newton")


class Curvature:
    """The mean curvature of the training loss: its Hessian, or the Gauss-Newton matrix.

    The Hessian is what eq. (1) of the data dropout paper inverts; away from a minimum it has negative
    eigenvalues. The Gauss-Newton matrix leaves out the network's second derivatives and so never has.
    The second derivatives of the model's own losses (L2 terms) are part of both.

    Args:
        autodiff: The `Autodiff` of the model.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        kind: `"hessian"` or `"gauss_newton"`.

    Raises:
        ValueError: If `kind` is another name.
    """

    def __init__(self, autodiff, train, kind="hessian"):
        if kind not in CURVATURES:
            raise ValueError(
                "Invalid value received for argument `curvature`. "
                f"Expected one of {CURVATURES}. Received: curvature={kind!r}"
            )
        self._sum_product = getattr(autodiff, f"{kind}_product")
        self._penalty_product = autodiff.penalty_product
        self._train = train
        self.size = autodiff.size
        self.kind = kind

    def product(self, vector, indices, batch_size=None):
        """Returns the mean curvature over the training samples at `indices`, times `vector`.

        Args:
            vector: Tensor of shape `(size,)`.
            indices: The samples, an integer array.
            batch_size: Samples a step; all at once by default.
        """
        total = 0.0
        step = batch_size or len(indices)
        for start in range(0, len(indices), step):
            x, y = select(self._train, indices[start : start + step])
            total = total + self._sum_product(x, y, vector)
        return total / float(len(indices)) + self._penalty_product(vector)


def relative_residual(curvature, solution, target, damping, indices, batch_size):
    """Returns `|target - (curvature + damping I) solution| / |target|` on the samples at `indices`."""
    product = curvature.product(solution, indices, batch_size) + damping * solution
    return norm(target - product) / norm(target)


def norm(vector):
    """Returns the Euclidean norm as a Python float."""
    return float(np.sqrt(ops.convert_to_numpy(ops.sum(ops.square(vector)))))
