"""Training gradients with and without the L2 term, which moves the zero that decides which samples are dropped."""

import numpy as np
import pytest
from problems import SoftmaxRegression
from scipy.optimize import minimize

from tfdrop.influence import InfluenceModel, LiSSA


@pytest.fixture(scope="module")
def optimum():
    """A regularized softmax regression at its optimum, found by SciPy."""
    problem = SoftmaxRegression(samples=60, l2=0.05)

    def objective(weights):
        problem.weights = weights.reshape(4, 3)
        losses = -np.log(problem.probabilities(problem.x)[np.arange(60), problem.y])
        gradient = problem.gradients(problem.x, problem.y).mean(0) + 2 * problem.l2 * weights
        return losses.mean() + problem.l2 * np.sum(weights**2), gradient

    found = minimize(objective, problem.weights.ravel(), jac=True, method="BFGS", options={"gtol": 1e-9})
    problem.weights = found.x.reshape(4, 3)
    problem.model.layers[0].kernel.assign(problem.weights)
    return problem


def test_at_an_optimum_scores_sum_to_zero_with_the_l2_term_and_not_without(optimum):
    influence = InfluenceModel(optimum.model, (optimum.x, optimum.y), damping=0.02, verbose=0)
    validation = (optimum.x_validation, optimum.y_validation)
    found = influence.total(validation, solver="exact")
    without, shift = found.scores, 2 * optimum.l2 * optimum.weights.ravel() @ found.solution
    with_it = influence.total(validation, solver="exact", regularized_gradients=True).scores
    np.testing.assert_allclose(without, optimum.scores(0.02), atol=1e-3 * np.abs(without).max())
    np.testing.assert_allclose(with_it, without - shift, atol=1e-4 * np.abs(without).max())
    assert without.sum() == pytest.approx(60 * shift, rel=1e-2)
    assert abs(with_it.sum()) < 0.01 * abs(without.sum())
    matrix = influence.matrix(validation, solver="exact", regularized_gradients=True).scores
    np.testing.assert_allclose(matrix.sum(1), with_it, atol=1e-4 * np.abs(with_it).max())


def test_the_originals_settings_have_it_and_can_be_told_not_to(optimum):
    influence = InfluenceModel(optimum.model, (optimum.x, optimum.y), verbose=0)
    validation = (optimum.x_validation, optimum.y_validation)
    original = LiSSA.original(scale=4.0, depth=400, batch_size=60)
    scores = influence.total(validation, solver=original).scores
    without = influence.total(validation, solver=original, regularized_gradients=False).scores
    assert abs(scores.sum()) < 0.05 * abs(without.sum())
    with pytest.raises(ValueError, match="argument `regularized_gradients`"):
        influence.total(validation, regularized_gradients="no")
