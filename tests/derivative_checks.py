"""What the derivatives of the kinds of layers are checked against: losses in float64, and differences of them."""

import warnings
from typing import NamedTuple

import numpy as np
from derivative_kinds import FORWARD, KINDS, make
from keras import ops

from tfdrop.influence.autodiff import DerivativeWarning, verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

ROUNDED = ("resizing_bicubic",)  # TensorFlow resizes in float32 whatever it is given


class Reference(NamedTuple):
    """Derivatives along random directions, from losses alone.

    Attributes:
        one, two: The directions, flat float32.
        curvature: The Hessian of the losses' sum between them.
        directional: Every sample's gradient times the first.
    """

    one: np.ndarray
    two: np.ndarray
    curvature: float
    directional: np.ndarray


def reference(name):
    """Returns the `Reference` of a kind: second differences of mean squared errors, held by NumPy, in float64."""
    kind, step = KINDS[name], 1e-2 if name in ROUNDED else 1e-4
    model, x, y = make(kind, "float64")
    variables = model.trainable_variables
    values = [np.asarray(ops.convert_to_numpy(variable)).astype("float32") for variable in variables]
    sizes = [value.size for value in values]
    rng = np.random.default_rng(5)
    one, two = rng.normal(size=(2, sum(sizes))).astype("float32")

    def losses(direction):
        parts = np.split(direction.astype("float64"), np.cumsum(sizes)[:-1])
        for variable, value, part in zip(variables, values, parts, strict=True):
            variable.assign(value.astype("float64") + part.reshape(value.shape))
        outputs = np.asarray(ops.convert_to_numpy(model(x)), "float64")
        return np.mean((outputs - y) ** 2, axis=1)

    corners = [sign * losses(step * (one + sign * two)).sum() for sign in (1, -1)]
    corners += [sign * losses(step * (-one - sign * two)).sum() for sign in (1, -1)]
    directional = (losses(step * one.astype("float64")) - losses(-step * one.astype("float64"))) / (2 * step)
    return Reference(one, two, sum(corners) / (4 * step**2), directional)


def check_against(expected, curvature, directional):
    """Asserts that derivatives along a `Reference`'s directions are its own."""
    np.testing.assert_allclose(curvature, expected.curvature, rtol=2e-3, atol=1e-4)
    scale = np.abs(expected.directional).max()
    np.testing.assert_allclose(directional, expected.directional, atol=1e-3 * scale)


def check_on_tensorflow(name):
    """Checks the derivatives of a kind, how they were found, and what was said of it."""
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
    assert methods["directional_derivatives"] == (kind.method or FORWARD)
    messages = [str(warning.message) for warning in said if warning.category is DerivativeWarning]
    assert len(messages) == (kind.method is not None)
    assert all(kind.blamed is None or f"({kind.blamed})" in message for message in messages)
