"""Influence rescaled by leverage, beside retraining."""

import re

import keras
import numpy as np
import pytest

from tfdrop.influence import InfluenceModel

PENALTY, SAMPLES = 0.1, 12


def first_output(y_true, y_pred):
    """A measure that is linear in the weights of a linear model."""
    return y_pred[:, 0]


def ridge(x, y, weights):
    """The weights that minimize the mean of `weights * (x w - y)^2 / n` and `PENALTY |w|^2`."""
    return np.linalg.solve(
        x.T @ (weights[:, None] * x) / len(x) + PENALTY * np.eye(x.shape[1]), x.T @ (weights * y) / len(x)
    )


@pytest.fixture(params=[0, 1, 2])
def regression(request):
    rng = np.random.default_rng(request.param)
    x, y, held = rng.normal(size=(SAMPLES, 5)), rng.normal(size=SAMPLES), rng.normal(size=(7, 5))
    x[3] *= 4  # of much leverage
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(1, use_bias=False, kernel_regularizer=keras.regularizers.L2(PENALTY))]
    )
    model.set_weights([ridge(x, y, np.ones(SAMPLES))[:, None]])
    return model, x, y, held


@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_rescaled_influence_of_a_ridge_regression_is_that_of_retraining(regression, curvature, solver):
    model, x, y, held = regression
    train = x.astype("float32"), y.astype("float32")[:, None]
    influence = InfluenceModel(model, train, "mse", curvature=curvature, damping=0, verbose=0)
    found = influence.total((held.astype("float32"), np.zeros((7, 1), "float32")), solver="exact", measure=first_output)
    leverages = influence.self_influence(solver=solver).leverages
    effect = found.rescaled(leverages).removal_effect
    full = ridge(x, y, np.ones(SAMPLES))
    retrained = np.array(
        [held.sum(0) @ (ridge(x, y, np.arange(SAMPLES) != left_out) - full) for left_out in range(SAMPLES)]
    )
    np.testing.assert_allclose(effect, retrained, rtol=0.01, atol=1e-4 * np.abs(retrained).max())
    assert np.abs(found.removal_effect - retrained).max() > 0.2 * np.abs(retrained).max()


def test_leverages_of_damped_curvature_sum_to_its_effective_dimension():
    """Of one output, the leverages are the diagonal of the hat matrix, whose trace is that of (C + d)^-1 C."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 4)).astype("float32"), rng.integers(0, 2, 30)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    influence = InfluenceModel(model, (x, y), loss, damping=0.02, verbose=0)
    logits = np.asarray(model(x), "float64")[:, 0]
    rows = np.hstack([x, np.ones((30, 1))]) / (2 * np.cosh(logits / 2))[:, None]
    curvature = rows.T @ rows / 30
    expected = np.einsum("ni,ij,nj->n", rows, np.linalg.inv(curvature + 0.02 * np.eye(5)), rows) / 30
    found = influence.self_influence(solver="exact")
    np.testing.assert_allclose(found.leverages, expected, rtol=1e-3)
    assert influence.self_influence(draws=4).leverages is None
    some = influence.self_influence(solver="exact", samples=[5, 2])
    np.testing.assert_allclose(some.leverages, expected[[5, 2]], rtol=1e-3)


@pytest.mark.parametrize(
    ("leverages", "received"),
    [
        (np.zeros(3), "shape (3,)"),
        (np.arange(12) / 10, "1 of sample 10"),
        (np.full(12, np.nan), "nan of sample 0"),
        (np.full(12, -np.inf), "-inf of sample 0"),
        (["large"] * 12, "leverages=['large', "),
    ],
)
def test_bad_leverages(regression, leverages, received):
    model, x, y, _ = regression
    train = x.astype("float32"), y.astype("float32")[:, None]
    found = InfluenceModel(model, train, "mse", damping=0, verbose=0).total(train, solver="exact")
    with pytest.raises(ValueError, match=r"argument `leverages`. Expected 12 numbers below 1.*" + re.escape(received)):
        found.rescaled(leverages)
    with pytest.raises(ValueError, match=r"those of `self_influence` without `draws`\. Received: leverages=None"):
        found.rescaled(None)


def test_a_gradient_that_underflows_has_no_influence_on_itself():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False)])
    model.set_weights([np.array([[20.0, -22.0]], "float32")])
    train = np.array([[1.0], [1.02], [0.1]], "float32"), np.array([0, 0, 1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    influence = InfluenceModel(model, train, loss, curvature="gauss_newton", damping=100.0, verbose=0)
    found = influence.self_influence(solver="exact")
    assert found.scores[0] == found.leverages[0] == 0
    assert np.isfinite(found.leverages).all()
