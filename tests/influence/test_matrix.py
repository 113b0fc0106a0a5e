import keras
import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.influence import ConjugateGradient, Exact, LiSSA, influence_matrix, self_influence, total_influence

DAMPING = 0.05


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=40)


def exact_matrix(problem):
    """Eq. (1) for every pair, with the exact inverse: shape (n, k)."""
    gradients = problem.gradients(problem.x, problem.y)
    targets = problem.gradients(problem.x_validation, problem.y_validation)
    return -gradients @ np.linalg.solve(problem.hessian() + DAMPING * np.eye(targets.shape[1]), targets.T)


def arguments_of(problem, **arguments):
    return {"damping": DAMPING, "verbose": 0, "model": problem.model, "train": (problem.x, problem.y)} | arguments


@pytest.mark.parametrize(("columns", "batch_size"), [(1, 64), (7, 9)])
@pytest.mark.parametrize("solver", [ConjugateGradient(tolerance=1e-4), Exact()])
def test_matrix_is_eq_1_for_every_pair(problem, solver, columns, batch_size):
    validation = (problem.x_validation, problem.y_validation)
    found = influence_matrix(
        **arguments_of(problem, validation=validation, solver=solver, columns=columns, batch_size=batch_size)
    )
    expected = exact_matrix(problem)
    np.testing.assert_allclose(found.scores, expected, atol=1e-3 * np.abs(expected).max())
    assert found.converged.all()
    assert found.residuals.shape == (20,)


@pytest.mark.parametrize("solver", ["cg", LiSSA(depth=50, batch_size=10, tolerance=0.0)])
def test_the_papers_order_and_one_solve_of_the_sum_are_equal(problem, solver):
    """Section III-D; LiSSA is linear in its right-hand side, so it too agrees, converged or not."""
    validation = (problem.x_validation[:6], problem.y_validation[:6])
    solver = ConjugateGradient(tolerance=1e-5) if solver == "cg" else solver
    arguments = arguments_of(problem, validation=validation, solver=solver)
    single = influence_matrix(**arguments).scores
    summed = total_influence(**arguments).scores
    np.testing.assert_allclose(single.sum(1), summed, atol=1e-3 * np.abs(summed).max())


def test_self_influence_is_that_of_the_exact_inverse(problem):
    gradients = problem.gradients(problem.x, problem.y)
    inverse = np.linalg.inv(problem.hessian() + DAMPING * np.eye(gradients.shape[1]))
    expected = np.einsum("ni,ij,nj->n", gradients, inverse, gradients)
    found = self_influence(**arguments_of(problem, solver="exact", curvature="hessian"))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-3)
    some = self_influence(**arguments_of(problem, solver=ConjugateGradient(tolerance=1e-5), samples=[3, 0, 17]))
    np.testing.assert_allclose(some.scores, expected[[3, 0, 17]], rtol=1e-3)
    assert not some.standard_errors.any()


def test_drawn_self_influence_is_unbiased_within_its_error(problem):
    exact = self_influence(**arguments_of(problem, solver="exact")).scores
    drawn = self_influence(**arguments_of(problem, draws=60, batch_size=40, steps=12))
    assert np.corrcoef(drawn.scores, exact)[0, 1] > 0.9
    assert drawn.scores.sum() == pytest.approx(exact.sum(), rel=0.2)
    standardized = (drawn.scores - exact) / drawn.standard_errors
    assert 0.5 < np.sqrt(np.mean(standardized**2)) < 2
    assert np.mean(drawn.standard_errors / drawn.scores) == pytest.approx(np.sqrt(2 / 60), rel=0.3)


def test_self_influence_from_a_whole_basis_is_exact(problem):
    arguments = arguments_of(problem, batch_size=9)
    exact = self_influence(**arguments, solver="exact").scores
    found = self_influence(**arguments, basis=100)
    np.testing.assert_allclose(found.scores, exact, rtol=1e-3)
    assert found.leverages is None


def test_self_influence_from_a_smaller_basis_is_too_large_by_no_more_than_it_says(problem):
    exact = self_influence(**arguments_of(problem, solver="exact")).scores
    errors = []
    for basis in (2, 5, 8):
        found = self_influence(**arguments_of(problem, basis=basis))
        assert (found.scores > exact * (1 - 1e-4)).all()
        assert (found.scores - found.standard_errors < exact * (1 + 1e-4)).all()
        errors.append(np.max(found.scores / exact - 1))
    assert errors[0] > errors[1] > errors[2] > 0.01


@pytest.mark.parametrize("broken", [0, 3])
def test_self_influence_from_a_basis_refuses_gradients_that_are_not_finite(broken):
    """The derivative of a distance is not defined where it is zero."""
    x, y = np.random.default_rng(0).normal(size=(5, 3)).astype("float32"), np.ones((5, 2), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    y[broken] = model.predict(x, verbose=0)[broken]
    with pytest.raises(ValueError, match="Expected samples with finite loss gradients"):
        self_influence(model, (x, y), loss=_distance, basis=2, damping=0.1, batch_size=2, verbose=0)


def _distance(y_true, y_pred):
    return keras.ops.sqrt(keras.ops.sum((y_true - y_pred) ** 2, axis=-1))


def test_restricted_to_a_layer_it_is_the_layers_own_system():
    """With the first layer frozen, the same model restricted by hand to its last layer."""
    problem = SoftmaxRegression(samples=30)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="tanh")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer="l2")(hidden))
    data = {"train": (problem.x, problem.y), "validation": (problem.x_validation, problem.y_validation)}
    arguments = {"loss": problem.model.loss, "solver": "exact", "damping": 0.1, "verbose": 0}
    by_layer = total_influence(model, **data, **arguments, variables=model.layers[-1])
    by_variables = total_influence(model, **data, **arguments, variables=model.layers[-1].trainable_variables)
    model.layers[1].trainable = False
    frozen = total_influence(model, **data, **arguments)
    np.testing.assert_array_equal(by_layer.scores, by_variables.scores)
    np.testing.assert_allclose(by_layer.scores, frozen.scores, rtol=1e-5, atol=1e-6)
    assert len(by_layer.solution) == 18


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (influence_matrix, {"columns": 0, "validation": None}, "argument `columns`"),
        (influence_matrix, {"validation": []}, "argument `validation`"),
        (self_influence, {"draws": 1}, "argument `draws`"),
        (self_influence, {"draws": 5, "samples": [1]}, "argument `samples`"),
        (self_influence, {"basis": 1}, "argument `basis`"),
        (self_influence, {"basis": 5, "samples": [1]}, "argument `samples`"),
        (self_influence, {"basis": 5, "draws": 5}, "argument `draws`"),
        (self_influence, {"basis": 5, "damping": 0}, "argument `damping`"),
        (self_influence, {"basis": 5, "curvature": "hessian"}, "argument `curvature`"),
        (self_influence, {"samples": [-1]}, "argument `samples`"),
        (self_influence, {"samples": [40]}, "argument `samples`"),
        (self_influence, {"variables": []}, "argument `variables`"),
        (self_influence, {"variables": keras.Variable(1.0)}, "argument `variables`"),
    ],
)
def test_bad_arguments(problem, function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**arguments_of(problem, **arguments))
