"""Derivatives of every kind of layer, against differences of losses from Keras in float64."""

import warnings

import keras
import numpy as np
import pytest
from derivative_kinds import FORWARD, KINDS, check_against, make, reference

from tfdrop.influence import total_influence
from tfdrop.influence.autodiff import DerivativeWarning, verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss


@pytest.mark.parametrize("name", KINDS)
def test_on_tensorflow(name):
    kind, expected = KINDS[name], reference(name)
    model, x, y = make(kind)
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DerivativeWarning)
        assert autodiff.verify(x, y, "hessian") == "hessian"
    check_against(
        expected,
        expected.one @ np.asarray(autodiff.hessian_product(x, y, expected.two)),
        autodiff.directional_derivatives(x, y, expected.one),
    )
    methods = {check.derivative: check.method for check in autodiff.checks}
    assert methods["hessian_product"] == (kind.method or FORWARD)
    assert methods["directional_derivatives"] == (kind.first or kind.method or FORWARD)
    messages = [str(warning.message) for warning in said if warning.category is DerivativeWarning]
    assert len(messages) == (kind.method is not None)
    assert all(kind.blamed is None or f"({kind.blamed})" in message for message in messages)


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
