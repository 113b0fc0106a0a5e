"""The matrix that influence functions invert, as products with vectors over any part of the training data."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tfdrop.arguments import check_choice
from tfdrop.influence.training_data import TrainingData, batch_length

CURVATURES = ("hessian", "gauss_newton")
# How far rounding may move a product, relative to its length: in float32, where 6e-7 was measured, and with layers in
# 16 bits or on accelerators, which may multiply in 10 bits.
ROUNDING, COARSE_ROUNDING = 1e-5, 1e-2
GROUPS = 4  # groups of batches that a residual is measured on, to estimate its error


class Curvature:
    """The mean curvature of the training loss: its Hessian, or the Gauss-Newton matrix.

    The Hessian is what eq. (1) of the data dropout paper inverts; away from a minimum it has negative
    eigenvalues. The Gauss-Newton matrix leaves out the network's second derivatives, so it has none.
    Both include the second derivatives of the weights' regularizers (L2 terms), added once to the MEAN of the samples'
    losses, as in training with a loss that averages. Other losses that a model adds (`add_loss`, activity regularizers)
    are not included; `Objective` refuses them.

    Args:
        autodiff: The `Autodiff` of the model.
        kind: `"hessian"` or `"gauss_newton"`.
        rounding: How far rounding may move a product, relative to its length.

    Raises:
        ValueError: If `kind` is another name.
    """

    def __init__(self, autodiff, kind="hessian", rounding=ROUNDING):
        self.kind = check_choice("curvature", kind, CURVATURES)
        self._autodiff = autodiff  # TensorFlow's compiled methods do not keep it alive
        # Of the samples of a batch, without penalties: function (x, y, vector).
        self.sum_product = getattr(autodiff, f"{kind}_product")
        self._penalty_product = autodiff.penalty_product
        self.size = autodiff.size
        self.rounding = rounding

    def product(self, vector, batches, after_batch=None, partial=(0.0, 0, 0)):
        """Returns the mean curvature over the samples of some batches, times `vector`.

        Args:
            vector: Tensor of shape `(size,)`.
            batches: Iterable of `(x, y)`.
            after_batch: Function called after every batch with the totals so far: the sum of the samples' products, the
                number of samples and the number of batches.
            partial: Such a triple to continue from.
        """
        total, samples, done = partial
        for x, y in itertools.islice(batches, done, None):
            total = total + self.sum_product(x, y, vector)
            samples, done = samples + batch_length(x), done + 1
            if after_batch is not None:
                after_batch(total, samples, done)
        return total / float(samples) + self._penalty_product(vector)

    def product_of_strata(self, vector, batches, stands_for):
        """Returns the mean curvature that some batches stand for, times `vector`.

        Args:
            vector: Tensor of shape `(size,)`.
            batches: Iterable of `(x, y)`.
            stands_for: For each batch, the number of samples that each of its samples stands for.
        """
        total, samples = 0.0, 0.0
        for (x, y), each in zip(batches, stands_for, strict=True):
            total = total + each * self.sum_product(x, y, vector)
            samples += each * batch_length(x)
        return total / float(samples) + self._penalty_product(vector)


@dataclass(frozen=True)
class DampedSystem:
    """The equations `(curvature + damping I) s = target` for a solver.

    Attributes:
        curvature: A `Curvature`.
        damping: Number added to every eigenvalue, in plain units.
        target: Flat tensor, not all zeros.
        data: The `TrainingData` whose mean the curvature is.
        measured_on: The batches on which residuals are measured: all of the data, or a random part.
        rough: The `RoughCurvature` of the curvature; `None` for solvers other than `ConjugateGradient`.
    """

    curvature: Curvature
    damping: float
    target: Any
    data: TrainingData
    measured_on: Any
    rough: Any = None

    def product(self, vector, batches):
        """Returns the damped curvature over the samples of some batches, times `vector`."""
        return self.curvature.product(vector, batches) + self.damping * vector

    def relative_residual(self, solution, most_samples=float("inf")):
        """Returns `|target - (curvature + damping I) solution| / |target|`: 0 is exact, 1 is no better than zero.

        Measured on part of the data, even the exact solution leaves a residual, as the part's curvature differs from
        that of the whole. This share of the square is estimated from the spread between the part's batches, and
        subtracted; the rest counts as no less than its own standard error.

        Args:
            solution: Flat tensor.
            most_samples: Stop measuring after the batch that reaches this many samples.
        """
        sums, squares, samples, count = [0.0] * GROUPS, 0.0, 0, 0
        for batch in self.measured_on:
            if samples >= most_samples:
                break
            residual, length = self.target - self.product(solution, [batch]), batch_length(batch[0])
            sums[count % GROUPS] = sums[count % GROUPS] + length * residual
            squares += length * norm(residual) ** 2
            samples, count = samples + length, count + 1
        squared = norm(sum(sums) / float(samples)) ** 2
        if samples < self.data.samples and count >= GROUPS:
            left_out = 1 - samples / self.data.samples
            variance = (squares / samples - squared) * count / (count - 1)
            # The expectation of each product of two groups' means is the square itself.
            products = [float(dot(a, b)) for a, b in itertools.combinations(sums, 2)]
            error = np.std(products, ddof=1) * (GROUPS / samples) ** 2 / np.sqrt(len(products))
            squared = max(squared - variance / count * left_out, error * left_out)
        return float(np.sqrt(squared)) / norm(self.target)


def norm(vector):
    """Returns the Euclidean norm as a Python float."""
    return float(np.sqrt(ops.convert_to_numpy(ops.sum(ops.square(vector)))))


def dot(a, b):
    """Returns the product of two vectors, a tensor.

    `keras.ops.dot` takes several times as long on TensorFlow, and adds a million numbers up in float32 one by one.
    """
    return ops.sum(a * b)
