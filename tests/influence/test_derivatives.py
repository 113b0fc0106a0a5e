"""Derivatives of every kind of layer, against differences of losses from Keras in float64."""

import keras
import numpy as np
import pytest
from derivative_checks import check_on_tensorflow
from derivative_kinds import KINDS, SLOW

from tfdrop.influence import total_influence
from tfdrop.influence.autodiff import DerivativeWarning


@pytest.mark.parametrize("name", [name for name in KINDS if name not in SLOW])
def test_on_tensorflow(name):
    check_on_tensorflow(name)


def test_a_grouped_convolution_is_two_linear_regressions():
    """Their influence is known to NumPy; forward mode on TensorFlow finds every score to be exactly zero."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((1, 1, 4)), layers.Conv2D(2, 1, groups=2, use_bias=False), layers.Flatten()])
    rng = np.random.default_rng(0)
    x, x_validation = rng.normal(size=(2, 30, 1, 1, 4)).astype("float32")
    y, y_validation = rng.normal(size=(2, 30, 2)).astype("float32")
    with pytest.warns(DerivativeWarning, match="reverse over reverse"):
        found = total_influence(
            model, (x, y), (x_validation, y_validation), loss="mse", solver="exact", damping=0.1, verbose=0
        )
    kernel = np.asarray(model.layers[0].kernel, "float64")[0, 0]  # (2 inputs of a group, 2 groups)
    expected = np.zeros(30)
    for group in range(2):
        inputs, targets = (part[:, 0, 0, 2 * group : 2 * group + 2] for part in (x, x_validation)), (y, y_validation)
        (rows, rows_validation), (target, target_validation) = inputs, targets
        # The squared errors are averaged over the two outputs: half of each, and so a derivative of 1.
        gradients, gradients_validation = (
            (a @ kernel[:, group] - b[:, group])[:, None] * a
            for a, b in ((rows, target), (rows_validation, target_validation))
        )
        matrix = rows.T.astype("float64") @ rows / 30 + 0.1 * np.eye(2)
        expected -= gradients @ np.linalg.solve(matrix, gradients_validation.sum(0))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
