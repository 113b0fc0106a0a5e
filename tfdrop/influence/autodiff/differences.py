"""The derivatives that influence functions are made of, by central differences of first derivatives."""

from dataclasses import dataclass

import numpy as np
from keras import ops

# Of the length of the weights. In float64 the smallest is best unless something rounds to float32 inside: some layers,
# and on JAX many of `keras.ops`.
STEPS_IN_FLOAT64 = (1e-6, 1e-5, 1e-4, 1e-3)
STEPS_IN_FLOAT32 = (1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class Change:
    """How a batch's losses, outputs and gradient change along a vector, per unit of it.

    Attributes:
        losses: Derivative of every sample's loss, shape `(batch,)`.
        outputs: Derivative of the model's outputs.
        gradient: Derivative of the gradient of the losses' sum, shape `(size,)`.
        mean_gradient: Mean of that gradient at the two ends.
        loss_level: Mean size of a sample's loss.
        mean_losses: Mean of every sample's loss at the two ends.
        ends: The outputs at the two ends.
    """

    losses: np.ndarray
    outputs: np.ndarray
    gradient: np.ndarray
    mean_gradient: np.ndarray
    loss_level: float
    mean_losses: np.ndarray
    ends: tuple


class Differences:
    """The methods of `Autodiff` that are not plain gradients, from first derivatives at two nearby points.

    Args:
        evaluation: An `Evaluation` of the model.
        per_sample_loss: The `PerSampleLoss` of the evaluation.
        step: Distance of the two points to the weights, as a share of the weights' length.
    """

    def __init__(self, evaluation, per_sample_loss, step):
        self._evaluation = evaluation
        self._per_sample_loss = per_sample_loss
        self._step = step

    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`."""
        return _tensor(self.change(x, y, vector).gradient)

    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`."""
        return _tensor(self.gauss_newton(x, y, self.change(x, y, vector)))

    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`."""
        return _tensor(self.change(x, y, vector).losses)

    def change(self, x, y, vector):
        """Returns the `Change` along a vector, by two passes forward and back."""
        vector = np.asarray(ops.convert_to_numpy(vector), "float64")
        weights = self._evaluation.weights()
        length = np.linalg.norm(vector)
        step = self._step * max(np.linalg.norm(weights), 1e-3) / length if length > 0 else 1.0
        above = self._evaluation.losses_outputs_gradient(weights + step * vector, x, y)
        below = self._evaluation.losses_outputs_gradient(weights - step * vector, x, y)
        losses, outputs, gradient = ((up - down) / (2 * step) for up, down in zip(above, below, strict=True))
        level = float(np.mean(np.abs(above[0])))
        mean_losses, mean_gradient = (above[0] + below[0]) / 2, (above[2] + below[2]) / 2
        return Change(losses, outputs, gradient, mean_gradient, level, mean_losses, (above[1], below[1]))

    def gauss_newton(self, x, y, change):
        """Returns the Gauss-Newton matrix times the vector of a `Change`: one more pass back."""
        above, below = change.ends
        middle, tangents = (above + below) / 2, change.outputs
        if self._per_sample_loss.expects_probabilities:
            cotangents = self._evaluation.expected_hessian_product(y, middle, tangents)
        else:
            longest = np.max(np.abs(tangents))
            step = self._step * max(np.max(np.abs(middle)), 1e-3) / longest if longest > 0 else 1.0
            ends = (self._evaluation.loss_gradient(y, middle + sign * step * tangents) for sign in (1, -1))
            cotangents = np.subtract(*ends) / (2 * step)
        return self._evaluation.pulled_back(self._evaluation.weights(), x, cotangents)


def _tensor(array):
    return ops.convert_to_tensor(array.astype("float32"))
