import keras
import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.influence import DivergenceError, InfluenceModel, influence_matrix

DAMPING = 0.05


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=40, features=6)


def by_basis(problem, **arguments):
    settings = {"curvature": "gauss_newton", "damping": DAMPING, "verbose": 0, "train": (problem.x, problem.y)}
    validation = (problem.x_validation, problem.y_validation)
    return influence_matrix(problem.model, **settings | {"validation": validation} | arguments)


def system(problem):
    """The damped Gauss-Newton matrix, which softmax regression shares with its Hessian."""
    return problem.hessian() + DAMPING * np.eye(problem.weights.size)


@pytest.mark.parametrize(("columns", "batch_size"), [("auto", 64), (1, 9), (7, 9)])
def test_a_whole_basis_is_exact(problem, columns, batch_size):
    targets = problem.gradients(problem.x_validation, problem.y_validation)
    expected = -problem.gradients(problem.x, problem.y) @ np.linalg.solve(system(problem), targets.T)
    found = by_basis(problem, basis=100, columns=columns, batch_size=batch_size)
    np.testing.assert_allclose(found.scores, expected, atol=1e-4 * np.abs(expected).max())
    assert found.converged.all()
    assert found.residuals.shape == (20,)
    assert found.residuals.max() < 1e-4


def test_a_smaller_basis_is_symmetric_and_nearer_the_larger_it_is(problem):
    gradients = problem.gradients(problem.x, problem.y)
    exact = -gradients @ np.linalg.solve(system(problem), gradients.T)
    correlations = []
    for basis in (3, 7, 11):
        found = by_basis(problem, basis=basis, validation=(problem.x, problem.y))
        np.testing.assert_allclose(found.scores, found.scores.T, atol=1e-3 * np.abs(exact).max())
        correlations.append(np.corrcoef(found.scores.ravel(), exact.ravel())[0, 1])
        assert found.residuals.max() < 1  # what is outside is no worse than left out
    assert 0.5 < correlations[0] < correlations[1] < correlations[2]
    assert correlations[2] > 0.99


def test_what_is_outside_has_the_inverse_with_the_least_residual(problem):
    """Where the curvature is the same in all directions but one, and no mere damping."""
    x = np.eye(12, dtype="float32")[np.arange(48) % 12] * np.where(np.arange(48) % 12 < 1, 9, 2)[:, None]
    y = np.random.default_rng(0).normal(size=(48, 1)).astype("float32")
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1, use_bias=False)])
    settings = {"loss": "mse", "curvature": "gauss_newton", "damping": 0.01, "verbose": 0}
    validation = x[:12], y[:12]  # one in each direction, so that none is missing in their sums
    exact = influence_matrix(model, (x, y), validation, **settings, solver="exact")
    found = influence_matrix(model, (x, y), validation, **settings, basis=2)
    np.testing.assert_allclose(found.scores, exact.scores, atol=0.02 * np.abs(exact.scores).max())
    assert found.converged.all()


@pytest.mark.parametrize("basis", [3, 6])
def test_the_residual_is_the_root_mean_square_over_the_samples(problem, basis):
    """From four random sums it is uncertain by a third; over sixteen seeds by a tenth."""
    gradients = problem.gradients(problem.x, problem.y)
    targets = problem.gradients(problem.x_validation, problem.y_validation)
    ratios = []
    for seed in range(16):
        found = by_basis(problem, basis=basis, seed=seed)
        solutions = -np.linalg.pinv(gradients) @ found.scores
        left = targets - (system(problem) @ solutions).T
        true = np.mean((np.linalg.norm(left, axis=1) / np.linalg.norm(targets, axis=1)) ** 2)
        ratios.append(found.residuals[0] ** 2 / true)
        assert found.residuals.min() == found.residuals.max()
        assert found.converged.all() == (found.residuals[0] <= 0.1)
    assert np.std(ratios) > 0.01
    assert np.mean(ratios) == pytest.approx(1, abs=0.25)


def test_samples_without_a_gradient_harm_and_help_nothing(problem):
    x = problem.x_validation.copy()
    x[[0, 5]] = 0
    found = by_basis(problem, basis=5, validation=(x, problem.y_validation))
    assert not found.scores[:, [0, 5]].any()
    assert found.scores[:, [1, 2, 3, 4, *range(6, 20)]].any(axis=0).all()
    assert not found.residuals[[0, 5]].any()
    assert found.converged[[0, 5]].all()
    nothing = by_basis(problem, basis=5, validation=(0 * x, problem.y_validation))
    assert not nothing.scores.any()
    assert nothing.converged.all()


def test_a_gradient_that_is_not_finite_is_refused(problem):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    x, y = np.random.default_rng(0).normal(size=(5, 3)).astype("float32"), np.ones((5, 2), "float32")
    broken = y.copy()
    broken[2] = model.predict(x, verbose=0)[2]
    settings = {"loss": _distance, "basis": 2, "curvature": "gauss_newton", "damping": 0.1, "verbose": 0}
    with pytest.raises(ValueError, match=r"argument `validation`.*sample 2 with a gradient that is not finite"):
        influence_matrix(model, (x, y), (x, broken), **settings)


def _distance(y_true, y_pred):
    return keras.ops.sqrt(keras.ops.sum((y_true - y_pred) ** 2, axis=-1))


def test_validation_samples_that_are_the_same_are_solved_for(problem):
    """Weights of one sign or the other would leave nothing of them in some of the sums."""
    whole = by_basis(problem, basis=100, columns=1).scores[:, 3]
    x, y = problem.x_validation[[3, 3]], problem.y_validation[[3, 3]]
    for seed in range(6):
        found = by_basis(problem, basis=30, seed=seed, validation=(x, y))
        np.testing.assert_allclose(found.scores, np.stack([whole, whole], axis=1), atol=1e-3 * np.abs(whole).max())
        assert found.converged.all()


def test_a_loss_that_is_not_convex_is_refused_where_its_curvature_exceeds_the_damping():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)).astype("float32"), rng.normal(size=(30, 3)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    settings = {"loss": keras.losses.CosineSimilarity(), "curvature": "gauss_newton", "verbose": 0, "basis": 8}
    with pytest.raises(DivergenceError, match="is not positive definite"):
        influence_matrix(model, (x, y), (x, y), **settings, damping=1e-3)
    spectrum = InfluenceModel(model, (x, y), settings["loss"], curvature="gauss_newton", verbose=0).spectrum
    assert spectrum.smallest < -1e-3
    damping = -3 * spectrum.smallest
    found = influence_matrix(model, (x, y), (x, y), **settings | {"basis": 12}, damping=damping)
    exact = influence_matrix(model, (x, y), (x, y), **settings | {"basis": None}, damping=damping, solver="exact")
    np.testing.assert_allclose(found.scores, exact.scores, atol=0.01 * np.abs(exact.scores).max())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"basis": 1}, "argument `basis`"),
        ({"basis": 5, "damping": 0}, "argument `damping`"),
        ({"basis": 5, "curvature": "hessian"}, "argument `curvature`"),
        ({"basis": 5, "columns": "all"}, "argument `columns`"),
    ],
)
def test_bad_arguments(problem, arguments, message):
    with pytest.raises(ValueError, match=message):
        by_basis(problem, **arguments)
