"""Influence beside leave-one-out retraining, on softmax regression.

Retraining is to the optimum, by SciPy and NumPy in float64; it shares no code with the engine.
"""

from dataclasses import dataclass

import numpy as np
from absl import flags
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import log_softmax

_SAMPLES = flags.DEFINE_list("loo_samples", ["1000", "5000"], "Numbers of training samples of the leave-one-out part.")
_LEFT_OUT = flags.DEFINE_integer("loo_left_out", 60, "Samples left out of either choice: the largest, and random ones.")

HEADING = "## Leave-one-out retraining of softmax regression"
VALIDATION_SAMPLES = 1000
L2 = 0.005  # as Keras counts it; a weight decay of 0.01, Koh and Liang's


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
            left_out: A sample's number, or a Boolean array: samples that do not count; the others keep their
                weight of `1 / n`.
            start: Weights to begin at, near the optimum.
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
        """Returns that of a solution of eq. (2) with the Hessian at these weights, without damping."""
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
    """Returns flattened images with a constant 1 beside the pixels: the bias is one of the weights, and penalized."""
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


def choose(effect, count, rng):
    """Returns two arrays of sample numbers: those with the largest absolute effects, and random others."""
    order = np.argsort(-np.abs(effect))
    return order[:count], rng.permutation(order[count:])[:count]


def retrained_effects(regression, optimum, validation, samples):
    """Returns the changes of the summed validation loss when each of the samples is left out, one by one."""
    before = loss_sum(optimum, *validation)
    return np.array([loss_sum(regression.optimum(i, start=optimum), *validation) - before for i in samples])


def agreement(predicted, retrained):
    """Returns Pearson's r, and the slope of the retrained changes over the predicted ones."""
    return np.corrcoef(predicted, retrained)[0, 1], np.polyfit(predicted, retrained, 1)[0]


def section(train, validation):
    """Returns the lines of the part's section."""
    validation = with_constant(validation[0][:VALIDATION_SAMPLES]), validation[1][:VALIDATION_SAMPLES]
    rows = []
    for samples in map(int, _SAMPLES.value):
        x, y = (part[:samples] for part in train)
        rows += _rows(SoftmaxRegression(with_constant(x), y, 10, L2), validation)
    return [
        HEADING,
        "",
        f"Change of the cross-entropy summed over {VALIDATION_SAMPLES} validation samples when one of n training "
        "samples is left out and the others keep their weight of 1/n: `removal_effect` with the Hessian and no "
        "damping, beside retraining to the optimum in float64, to a gradient norm of at most 1e-9. MNIST, 10 "
        f"classes, 7,850 weights, weight decay {2 * L2:g}. {2 * _LEFT_OUT.value} samples for each n: the "
        f"{_LEFT_OUT.value} of the largest influence, and {_LEFT_OUT.value} random others. r is Pearson's; the "
        "slope is that of the retrained changes over the predicted ones. The relative residual is measured in "
        "float64 on all samples, beside the engine's own. The aims were r of at least 0.99 and a slope near 1. "
        "Influence is the first order in 1/n, so a sample with much leverage changes more than predicted; LiSSA "
        "ran its whole depth, without an early stop.",
        "",
        "| n | solver | residual | the engine's | r | slope | r, largest | slope | r, random | slope |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def _rows(regression, validation):
    from tfdrop.influence import ConjugateGradient, LiSSA, total_influence

    solvers = {
        "CG": ConjugateGradient(tolerance=1e-5, depth=1000),
        "LiSSA": LiSSA(depth=5000, batch_size=64, tolerance=0.0),
    }
    train = regression.x, regression.y
    optimum = regression.optimum()
    model = keras_model(regression, optimum)
    found = {
        name: total_influence(model, train, validation, solver=solver, damping=0, batch_size=250, verbose=0)
        for name, solver in solvers.items()
    }
    chosen = choose(found["CG"].removal_effect, _LEFT_OUT.value, np.random.default_rng(0))
    retrained = [retrained_effects(regression, optimum, validation, samples) for samples in chosen]
    rows = []
    for name, influence in found.items():
        predicted = [influence.removal_effect[samples] for samples in chosen]
        pairs = [(np.concatenate(predicted), np.concatenate(retrained)), *zip(predicted, retrained, strict=True)]
        figures = ["{:.4f} | {:.3f}".format(*agreement(*pair)) for pair in pairs]
        residual = regression.relative_residual(optimum, influence.solution, validation)
        rows.append(
            f"| {len(regression.x)} | {name} | {residual:.1e} | {influence.residual:.1e} | {' | '.join(figures)} |"
        )
        print(rows[-1], flush=True)
    return rows
