"""Softmax regression by NumPy and SciPy in float64: optimum, loss, Hessian. It shares no code with the engine."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import log_softmax


@dataclass(frozen=True)
class SoftmaxRegression:
    """Softmax regression: the mean cross-entropy plus `l2` times the sum of squared weights, in float64.

    Args:
        x: Array of shape `(n, features)`.
        y: Integer classes of shape `(n,)`.
        classes: Number of classes.
        l2: Weight of the penalty.
    """

    x: np.ndarray
    y: np.ndarray
    classes: int
    l2: float

    def optimum(self, left_out=None, start=None, tolerance=1e-9):
        """Returns the weights, shape `(features, classes)`, at which the gradient's norm is within the tolerance.

        Args:
            left_out: The index of a sample, or a Boolean array: samples that do not count; the others keep their
                weight of `1 / n`.
            start: Weights near the optimum to start from.
            tolerance: Norm of the gradient.

        Raises:
            ArithmeticError: If Newton's method does not get there.
        """
        shares = np.full(len(self.x), 1 / len(self.x))
        if left_out is not None:
            shares[left_out] = 0
        if start is None:
            zeros = np.zeros(self.x.shape[1] * self.classes)
            start = minimize(self._objective, zeros, (shares,), "L-BFGS-B", jac=True, options={"maxiter": 300}).x
        weights = np.ravel(start)
        for _ in range(20):
            _, gradient = self._objective(weights, shares)
            if np.linalg.norm(gradient) <= tolerance:
                return weights.reshape(-1, self.classes)
            step, _ = cg(self._hessian(weights, shares), gradient, rtol=1e-3)
            weights = weights - step
        raise ArithmeticError(f"Newton's method ended with a gradient norm of {np.linalg.norm(gradient):.3g}")

    def relative_residual(self, weights, solution, validation):
        """Returns the relative residual of a solution of eq. (2) with the Hessian at these weights, without damping."""
        x, y = validation
        probabilities = np.exp(log_softmax(x @ weights, axis=1))
        target = (x.T @ (probabilities - np.eye(self.classes)[y])).ravel()
        hessian = self._hessian(np.ravel(weights), np.full(len(self.x), 1 / len(self.x)))
        return np.linalg.norm(target - hessian @ solution.astype("float64")) / np.linalg.norm(target)

    def _objective(self, weights, shares):
        weights = weights.reshape(-1, self.classes)
        log_probabilities = log_softmax(self.x @ weights, axis=1)
        errors = np.exp(log_probabilities) - np.eye(self.classes)[self.y]
        loss = -shares @ log_probabilities[np.arange(len(self.x)), self.y] + self.l2 * np.sum(weights**2)
        gradient = self.x.T @ (shares[:, None] * errors) + 2 * self.l2 * weights
        return loss, gradient.ravel()

    def _hessian(self, weights, shares):
        p = np.exp(log_softmax(self.x @ weights.reshape(-1, self.classes), axis=1))

        def product(vector):
            vector = vector.reshape(-1, self.classes)
            tangents = p * (self.x @ vector)
            changes = tangents - p * tangents.sum(1, keepdims=True)
            return (self.x.T @ (shares[:, None] * changes) + 2 * self.l2 * vector).ravel()

        return LinearOperator((weights.size, weights.size), matvec=product, dtype="float64")


def loss_sum(weights, x, y):
    """Returns the cross-entropy, summed over the samples."""
    return -log_softmax(x @ weights, axis=1)[np.arange(len(x)), y].sum()


def with_constant(x):
    """Returns flattened images with a constant 1 appended, so that the bias is one of the weights, and penalized."""
    return np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1))]).astype("float64")


def keras_model(regression, weights):
    """Returns the same softmax regression in Keras, compiled."""
    import keras

    dense = keras.layers.Dense(
        regression.classes, use_bias=False, kernel_regularizer=keras.regularizers.L2(regression.l2)
    )
    model = keras.Sequential([keras.Input((regression.x.shape[1],)), dense])
    dense.kernel.assign(weights)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
