import keras
import numpy as np
import pytest
from problems import SoftmaxRegression, smooth_denoiser

from tfdrop.influence import ConjugateGradient, DivergenceError, Exact, LiSSA, total_influence
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.losses import HalfSumSquaredError

DAMPING = 0.02


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression()


def influence_of(problem, validation=None, **arguments):
    arguments = {"damping": DAMPING, "solver": LiSSA(depth=600, batch_size=10, tolerance=0.0), "verbose": 0} | arguments
    validation = validation or (problem.x_validation, problem.y_validation)
    return total_influence(problem.model, (problem.x, problem.y), validation, **arguments)


@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
def test_scores_are_those_of_the_exact_inverse(problem, curvature):
    found, expected = influence_of(problem, curvature=curvature), problem.scores(DAMPING)
    assert np.corrcoef(found.scores, expected)[0, 1] > 0.999
    clear = np.abs(expected) > 0.05 * np.abs(expected).max()
    assert (np.sign(found.scores) == np.sign(expected))[clear].all()
    assert np.linalg.norm(found.scores - expected) / np.linalg.norm(expected) < 0.05
    np.testing.assert_allclose(found.removal_effect, -found.scores / len(problem.x))


def test_residual_is_the_exact_one(problem):
    """With 60 samples the residual is measured on all of them."""
    found = influence_of(problem, solver=LiSSA(depth=40, batch_size=10))
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    residual = target - (problem.hessian() + DAMPING * np.eye(target.size)) @ found.solution
    assert found.residual == pytest.approx(np.linalg.norm(residual) / np.linalg.norm(target), rel=1e-3)


def test_more_steps_and_averaging_come_closer(problem):
    def mean_residual(**solver):
        solver = LiSSA(batch_size=10, tolerance=0.0, **solver)
        return np.mean([influence_of(problem, solver=solver, seed=seed).residual for seed in range(3)])

    long = mean_residual(depth=300)
    assert long < 0.3 * mean_residual(depth=6)
    assert long < 0.3 * mean_residual(depth=300, averaging=False)


def test_whole_batches_and_repeats_reach_the_fixed_point(problem):
    found = influence_of(problem, solver=LiSSA(depth=400, repeats=2, batch_size=60, tolerance=0.0))
    assert found.residual < 1e-4
    np.testing.assert_allclose(found.scores, problem.scores(DAMPING), rtol=1e-3, atol=1e-4)
    assert [repeat for repeat, _, _ in found.history] == [0] * 40 + [1] * 40


def test_influence_is_linear_in_the_validation_samples(problem):
    """One solve of the sum gives the sum of the solves, one a validation sample (section III-D)."""
    solver = LiSSA(depth=150, batch_size=60, tolerance=0.0)
    x, y = problem.x_validation[:6], problem.y_validation[:6]
    whole = influence_of(problem, (x, y), solver=solver).scores
    single = [influence_of(problem, (x[i : i + 1], y[i : i + 1]), solver=solver).scores for i in range(len(x))]
    np.testing.assert_allclose(np.sum(single, 0), whole, rtol=1e-2, atol=1e-3)


def test_validation_batches_of_different_shapes():
    model, x, y = smooth_denoiser()
    rng = np.random.default_rng(3)
    images = [rng.normal(size=(2, 1, *shape, 1)).astype("float32") for shape in [(9, 4), (5, 11), (4, 4)]]
    arguments = {
        "loss": HalfSumSquaredError(),
        "curvature": "gauss_newton",
        "solver": LiSSA(depth=150, batch_size=6),
        "verbose": 0,
    }
    whole = total_influence(model, (x, y), [tuple(image) for image in images], **arguments)
    parts = [
        total_influence(model, (x, y), [tuple(image)], damping=whole.damping, **arguments).scores for image in images
    ]
    np.testing.assert_allclose(np.sum(parts, 0), whole.scores, rtol=1e-3, atol=1e-3 * np.abs(whole.scores).max())


@pytest.mark.parametrize("strength", [0.05, -0.4])
def test_auto_damping_is_a_hundredth_of_the_largest_eigenvalue_or_twice_the_most_negative(strength):
    """By NumPy's eigenvalues; a penalty of negative strength makes the Hessian indefinite."""
    problem = SoftmaxRegression()
    problem.model.layers[0].kernel.regularizer = lambda kernel: strength * keras.ops.sum(kernel**2)
    problem.l2 = strength
    found = influence_of(problem, solver=ConjugateGradient(on_divergence="adapt"), damping="auto")
    eigenvalues = np.linalg.eigvalsh(problem.hessian())
    assert (eigenvalues[0] < 0) == (strength < 0)
    assert found.spectrum.smallest == pytest.approx(eigenvalues[0], rel=1e-3)
    expected = -2 * eigenvalues[0] if strength < 0 else 0.01 * eigenvalues[-1]
    assert found.damping == pytest.approx(expected, rel=1e-3)


def test_auto_damping_exceeds_the_negative_curvature():
    model, x, y = smooth_denoiser()
    y = 5 * y  # large errors make the Hessian of an untrained network indefinite
    found = total_influence(model, (x, y), (x, y), loss=HalfSumSquaredError(), solver=LiSSA(batch_size=6), verbose=0)
    autodiff = Autodiff(model, PerSampleLoss(HalfSumSquaredError()))
    unit = np.eye(autodiff.size, dtype="float32")
    exact = np.linalg.eigvalsh([autodiff.hessian_product(x, y, column) / len(x) for column in unit])
    assert found.spectrum.smallest < 0
    assert found.damping > -exact[0]
    assert found.spectrum.largest == pytest.approx(exact[-1], rel=1e-2)
    assert found.residual < 1


def test_negative_curvature_is_reported_with_figures_and_remedy():
    model, x, y = smooth_denoiser()
    with pytest.raises(DivergenceError, match=r"eigenvalues from -\d.*damping of 1e-06.*gauss_newton") as caught:
        total_influence(
            model,
            (x, 5 * y),
            (x, y),
            loss=HalfSumSquaredError(),
            damping=1e-6,
            solver=LiSSA(depth=5, batch_size=6),
            verbose=0,
        )
    assert "damping well above" in str(caught.value)


@pytest.mark.parametrize("solver", [LiSSA(on_divergence="adapt"), ConjugateGradient(on_divergence="adapt")])
def test_told_to_adapt_it_raises_the_damping_until_it_converges(solver):
    model, x, y = smooth_denoiser()
    arguments = {"loss": HalfSumSquaredError(), "damping": 1e-6, "verbose": 0}
    found = total_influence(model, (x, 5 * y), (x, y), solver=solver, **arguments)
    assert found.spectrum.smallest < 0
    assert found.damping > -found.spectrum.smallest
    assert found.residual < 0.2
    fixed = total_influence(model, (x, 5 * y), (x, y), solver=Exact(), **arguments | {"damping": found.damping}).scores
    assert np.corrcoef(found.scores, fixed)[0, 1] > 0.98


def test_original_settings_bring_their_damping(problem):
    found = influence_of(problem, solver=LiSSA.original(scale=4.0, damping=0.01, depth=300, batch_size=60))
    assert (found.damping, found.scale) == (0.04, 4.0)
    # The original's training gradients include the L2 term's.
    shift = 2 * problem.l2 * problem.weights.ravel() @ found.solution
    np.testing.assert_allclose(found.scores, problem.scores(0.04) - shift, rtol=1e-2, atol=1e-3)
    with pytest.raises(DivergenceError, match="scale above the largest eigenvalue"):
        influence_of(problem, solver=LiSSA.original(scale=0.05))


def test_a_scale_too_small_is_reported(problem):
    for batch_size in (10, 100):  # more than there are samples, too
        with pytest.raises(DivergenceError, match=r"diverged.*scale above the largest eigenvalue"):
            influence_of(problem, solver=LiSSA(depth=600, batch_size=batch_size, scale=0.05))


def test_a_solve_no_better_than_zero_is_not_handed_back(problem):
    # One step from h = v at a scale far below the eigenvalues: not yet diverged, and worthless.
    with pytest.raises(DivergenceError, match="no better than zero"):
        influence_of(problem, solver=LiSSA(depth=1, batch_size=60, scale=0.12))


def test_inference_mode_is_used():
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(4),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(loss="mse")
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.zeros((20, 1))
    before = [np.array(weight) for weight in model.weights]
    first, second = (
        total_influence(model, (x, y), (x, y), curvature="gauss_newton", verbose=0).scores for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solver": "newton"}, "argument `solver`"),
        ({"curvature": "fisher"}, "argument `curvature`"),
        ({"damping": -1.0}, "argument `damping`"),
        ({"damping": "low"}, "argument `damping`"),
        ({"damping": float("nan")}, "argument `damping`"),
        ({"validation": []}, "argument `validation`"),
        ({"validation": (np.zeros((0, 4)), np.zeros(0))}, "at least 1"),
        ({"validation": (np.full((1, 4), np.nan), np.zeros(1))}, "argument `validation`.*finite.*nan in sample 0"),
    ],
)
def test_bad_arguments(problem, arguments, message):
    with pytest.raises(ValueError, match=message):
        total_influence(
            problem.model, (problem.x, problem.y), **({"validation": (problem.x, problem.y), "verbose": 0} | arguments)
        )


def test_a_model_that_was_never_built_or_compiled(problem):
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="Expected a built model"):
        total_influence(unbuilt, (problem.x, problem.y), (problem.x, problem.y), loss="mse")
    built = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="argument `loss`"):
        total_influence(built, (problem.x, problem.y), (problem.x, problem.y))


@pytest.mark.parametrize(
    "arguments",
    [{"depth": 0}, {"repeats": 0}, {"batch_size": 1.5}, {"scale": 0.0}, {"scale": "large"}, {"averaging": 0.5}],
)
def test_bad_solver_arguments(arguments):
    [name] = arguments
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        LiSSA(**arguments)
