"""The solvers against dense linear algebra, on matrices that are known exactly."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.influence import ConjugateGradient, DivergenceError, Exact, LiSSA
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.curvature import Curvature, DampedSystem
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.influence.rough_curvature import RoughCurvature
from tfdrop.influence.training_data import TrainingData

DAMPING = 0.02


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=90, features=7)


def system_of(problem, damping=DAMPING, measured_samples=10**6, losses=None):
    autodiff = Autodiff(problem.model, PerSampleLoss(problem.model.loss))
    target = autodiff.gradient(problem.x_validation, problem.y_validation)
    data = TrainingData((problem.x, problem.y), batch_size=16, seed=0)
    curvature = Curvature(autodiff)
    rough = RoughCurvature(curvature, data, losses)
    return DampedSystem(curvature, damping, target, data, data.part(measured_samples), rough)


def exact_solution(problem, damping=DAMPING):
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    return np.linalg.solve(problem.hessian() + damping * np.eye(target.size), target)


def relative_error(found, expected):
    return np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("solver", "tolerance"),
    [
        (Exact(), 1e-5),
        (ConjugateGradient(tolerance=1e-5), 1e-4),
        (ConjugateGradient(tolerance=1e-5, part_samples=0), 1e-4),
        (ConjugateGradient(tolerance=1e-5, part_samples=20, part_steps=3), 1e-4),
        (ConjugateGradient(tolerance=1e-5, part_samples=32, part_steps=8, lissa_steps=6), 1e-4),
        (LiSSA(batch_size=90, tolerance=1e-4), 1e-3),
    ],
)
def test_solution_is_that_of_dense_algebra(problem, solver, tolerance):
    solution = solver.solve(system_of(problem), verbose=0)
    assert relative_error(solution.vector, exact_solution(problem)) < tolerance
    assert solution.converged
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    left = target - (problem.hessian() + DAMPING * np.eye(target.size)) @ np.asarray(solution.vector, "float64")
    assert solution.residual == pytest.approx(np.linalg.norm(left) / np.linalg.norm(target), rel=0.05, abs=1e-6)


def test_preconditioning_by_a_part_takes_fewer_steps():
    """A few large eigenvalues above many small ones, as networks have them."""
    problem = SoftmaxRegression(samples=400, features=20, l2=1e-4)
    problem.x *= np.where(np.arange(20) < 5, 10, 0.3).astype("float32")
    steps = {}
    for part in (0, 200):
        solution = ConjugateGradient(tolerance=1e-3, part_samples=part).solve(system_of(problem, 1e-3), verbose=0)
        assert solution.converged
        assert relative_error(solution.vector, exact_solution(problem, 1e-3)) < 0.2
        steps[part] = len(solution.history)
    assert steps[200] <= steps[0] / 2


def test_where_few_samples_have_the_curvature_a_part_with_them_takes_fewer_steps():
    """Almost all samples have next to no features, so a part drawn evenly misses most of the others."""
    problem = SoftmaxRegression(samples=600, features=8, l2=1e-4)
    size = np.where(np.random.default_rng(0).random(600) < 0.03, 30, 0.05)
    problem.x *= size[:, None].astype("float32")
    even = system_of(problem, 1e-3)
    by_loss = system_of(problem, 1e-3, losses=lambda: size)
    solver, steps = ConjugateGradient(tolerance=1e-3, part_samples=64), []
    for system in (even, by_loss):
        solution = solver.solve(system, verbose=0)
        assert relative_error(solution.vector, exact_solution(problem, 1e-3)) < 0.05
        steps.append(len(solution.history))
    assert steps[1] < steps[0]


def test_the_rough_curvature_of_all_samples_is_the_curvatures():
    problem = SoftmaxRegression(samples=60, l2=0.1)
    system = system_of(problem)
    vector = np.random.default_rng(1).standard_normal(system.curvature.size).astype("float32")
    found = np.asarray(system.rough.product(vector, 60))
    np.testing.assert_allclose(found, problem.hessian() @ vector, rtol=1e-3, atol=1e-5)


def test_steps_of_lissa_take_fewer_products_with_all_data():
    problem = SoftmaxRegression(samples=2000, features=20, l2=1e-4)
    problem.x *= np.where(np.arange(20) < 5, 10, 0.3).astype("float32")
    steps = {}
    for lissa_steps in (0, "auto"):
        system = system_of(problem, 0.01)
        asked, product = [], system.curvature.product
        system.curvature.product = lambda *args, asked=asked, product=product: asked.append(1) or product(*args)
        solution = ConjugateGradient(tolerance=1e-3, part_steps=15, lissa_steps=lissa_steps).solve(system, verbose=0)
        assert solution.converged
        assert relative_error(solution.vector, exact_solution(problem, 0.01)) < 0.05
        steps[lissa_steps] = len(solution.history)
        assert len(asked) - steps[lissa_steps] <= 1  # which measures the residual
    assert steps["auto"] < steps[0]


def test_lissa_is_left_out_where_its_steps_would_read_more_than_the_data():
    for samples, expected in ((1535, False), (1536, True)):
        system = system_of(SoftmaxRegression(samples=samples, features=2))
        asked, steps = [], system.data.steps_by_strata
        system.data.steps_by_strata = lambda *args, asked=asked, steps=steps: asked.append(1) or steps(*args)
        ConjugateGradient(depth=1, part_steps=1).solve(system, verbose=0)
        assert bool(asked) == expected


def test_right_hand_sides_share_the_krylov_space(problem):
    system = system_of(problem)
    asked, product = [], system.curvature.product_of_strata
    system.curvature.product_of_strata = lambda *args, **named: asked.append(1) or product(*args, **named)
    for _ in range(3):
        ConjugateGradient(depth=1, part_steps=6, lissa_steps=2).solve(system, verbose=0)
    assert len(asked) == 6 + 3 * 2


def test_directions_are_conjugate_though_the_preconditioner_differs_from_step_to_step(problem):
    system, matrix = system_of(problem), problem.hessian()
    matrix = matrix + DAMPING * np.eye(len(matrix))
    directions, keys, product, steps = [], [], system.curvature.product, system.data.steps_by_strata
    system.curvature.product = lambda vector, *rest: directions.append(np.asarray(vector)) or product(vector, *rest)
    system.data.steps_by_strata = lambda *args: keys.append(args[2]) or steps(*args)
    ConjugateGradient(depth=4, tolerance=1e-9, part_samples=16, part_steps=3, lissa_steps=3).solve(system, verbose=0)
    assert sorted(set(keys)) == [0, 1, 2, 3]
    for one, two in itertools.pairwise(directions[:4]):
        assert abs(one @ matrix @ two) < 1e-4 * np.sqrt((one @ matrix @ one) * (two @ matrix @ two))


@pytest.mark.parametrize(("samples", "expected"), [(90, 90), (1600, 256), (4800, 288), (20_000, 512)])
def test_the_preconditioners_part_grows_with_the_data(samples, expected):
    problem = SoftmaxRegression(samples=samples, features=2)
    system = system_of(problem)
    asked, strata = [], system.data.strata
    system.data.strata = lambda losses, samples: asked.append(strata(losses, samples)) or asked[-1]
    ConjugateGradient(depth=1, part_steps=1).solve(system, verbose=0)
    ((batches, _),) = asked
    assert sum(len(y) for _, y in batches) == expected


@pytest.mark.parametrize("repeats", [1, 2])
def test_lissa_goes_on_after_its_last_step_with_the_same_solution(problem, repeats):
    """As a computation does that was stopped while it scored samples."""
    solver, states = LiSSA(batch_size=16, depth=250, repeats=repeats), []
    solution = solver.solve(system_of(problem), verbose=0, after_step=lambda state: states.append(state))
    again = solver.solve(system_of(problem), verbose=0, start=states[-1]())
    np.testing.assert_array_equal(np.asarray(again.vector), np.asarray(solution.vector))
    assert (again.residual, again.history, again.spread) == (solution.residual, solution.history, solution.spread)


def test_too_few_steps_are_not_called_converged(problem):
    for solver in (ConjugateGradient(depth=1, tolerance=1e-6, part_samples=0), LiSSA(depth=100, tolerance=1e-6)):
        solution = solver.solve(system_of(problem), verbose=0)
        assert not solution.converged
        assert solution.residual > 1e-6


@pytest.mark.parametrize(
    "solver",
    [
        ConjugateGradient(tolerance=0.01),
        ConjugateGradient(tolerance=1e-30, depth=2, part_samples=0),
        LiSSA(batch_size=16, depth=250),
        LiSSA(batch_size=16, depth=60, repeats=2),
    ],
)
def test_the_last_line_of_the_progress_says_what_the_result_says(problem, solver, capsys):
    solution = solver.solve(system_of(problem), verbose=2)
    *before, last = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Solving")]
    assert last.endswith(f" s, residual {solution.residual:.4g}")
    assert " steps  " in last
    if isinstance(solver, LiSSA):
        assert all("residual on one batch" in line for line in before)


def test_history_of_conjugate_gradients_is_the_residual_on_all_data(problem):
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    matrix = problem.hessian() + DAMPING * np.eye(target.size)
    for depth, preconditioner in ((1, {"part_samples": 0}), (3, {"part_samples": 0}), (3, {"lissa_steps": 2})):
        solver = ConjugateGradient(depth=depth, tolerance=1e-6, **preconditioner)
        solution = solver.solve(system_of(problem), verbose=0)
        left = target - matrix @ np.asarray(solution.vector, "float64")
        assert solution.history[-1] == (0, depth, pytest.approx(np.linalg.norm(left) / np.linalg.norm(target), 1e-3))


@pytest.mark.parametrize(("tolerance", "rounding", "measured"), [(1e-2, 1e-5, 0), (1e-6, 1e-5, 1), (0.1, 1e-2, 1)])
def test_a_residual_that_rounding_may_have_made_is_measured(problem, tolerance, rounding, measured):
    """And if it is not what the steps made of it, they go on: here products are rounded to a few bits."""
    bits = 1000 if rounding > 1e-5 else 2**24
    system = system_of(problem)
    system.curvature.rounding = rounding
    asked, product = [], system.curvature.product

    def rounded(*args):
        exact = np.asarray(product(*args), "float64")
        asked.append(1)
        unit = np.abs(exact).max() / bits
        return (np.round(exact / unit) * unit).astype("float32")

    system.curvature.product = rounded
    solution = ConjugateGradient(tolerance=tolerance, part_samples=0).solve(system, verbose=0)
    assert solution.converged
    assert len(asked) - len(solution.history) >= measured
    assert measured or len(asked) == len(solution.history)
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    left = target - (problem.hessian() + DAMPING * np.eye(target.size)) @ np.asarray(solution.vector, "float64")
    assert np.linalg.norm(left) / np.linalg.norm(target) == pytest.approx(solution.residual, rel=0.1, abs=2 / bits)


def test_a_residual_is_measured_where_rounding_of_the_solution_is_in_it():
    """A large curvature beside a tiny one, in which the solution is long: products are exact to 1e-7 of the former."""
    problem = SoftmaxRegression(samples=30, features=100)
    eigenvalues = np.concatenate([np.full(5, 300.0), np.full(295, 1e-4)])
    rng = np.random.default_rng(0)
    directions, _ = np.linalg.qr(rng.normal(size=(300, 300)))
    matrix = directions * eigenvalues @ directions.T
    system = replace(system_of(problem, 0.0), target=np.float32(directions @ rng.normal(size=300)))
    system.curvature.product = lambda vector, *_: matrix.astype("float32") @ np.asarray(vector)
    for tolerance in (0.1, 0.01):
        solver = ConjugateGradient(depth=20, tolerance=tolerance, part_samples=0)
        solution = solver.solve(system, verbose=0)
        left = np.linalg.norm(system.target - matrix @ np.asarray(solution.vector, "float64"))
        assert left / np.linalg.norm(system.target) < 1.3 * solution.residual


def test_lissa_stops_early_at_its_tolerance(problem):
    loose = LiSSA(depth=800, batch_size=45, tolerance=0.2).solve(system_of(problem), verbose=0)
    tight = LiSSA(depth=800, batch_size=45, tolerance=0.005).solve(system_of(problem), verbose=0)
    assert loose.residual <= 0.2
    assert loose.history[-1][1] < tight.history[-1][1]


def test_original_lissa_is_the_published_recursion(problem):
    """Koh and Liang's loop in NumPy, on the same batches: their damping is multiplied by their scale."""
    scale, damping, depth, repeats = 3.0, 0.01, 40, 2
    solver = LiSSA.original(scale=scale, damping=damping, depth=depth, repeats=repeats, batch_size=30)
    assert solver.damping == pytest.approx(scale * damping)
    system = system_of(problem, solver.damping)
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    expected = 0.0
    for repeat in range(repeats):
        part, current = SoftmaxRegression(samples=90, features=7), target
        for _, (x, y) in zip(range(depth), system.data.shuffled(30, 1, repeat), strict=False):
            part.x, part.y = x, y
            current = target + (1 - damping) * current - part.hessian() @ current / scale
        expected = expected + current / scale / repeats
    assert relative_error(solver.solve(system, verbose=0).vector, expected) < 1e-4


def test_spread_between_repeats_tells_the_noise(problem):
    solution = LiSSA(depth=60, repeats=4, batch_size=10, tolerance=0.0).solve(system_of(problem), verbose=0)
    runs = [
        LiSSA(depth=60, repeats=repeat + 1, batch_size=10, tolerance=0.0).solve(system_of(problem), verbose=0).vector
        for repeat in range(4)
    ]
    means = np.array(runs) * np.arange(1, 5)[:, None]
    single = np.diff(np.concatenate([np.zeros((1, means.shape[1])), means]), axis=0)
    expected = np.sqrt(np.mean(np.sum((single - single.mean(0)) ** 2, 1))) / np.linalg.norm(single.mean(0))
    assert solution.spread == pytest.approx(expected, rel=1e-3)
    assert LiSSA(depth=60, batch_size=10, tolerance=0.0).solve(system_of(problem), verbose=0).spread is None


def test_residual_on_a_part_allows_for_the_part(problem):
    """The exact solution leaves less than the part's own curvature is off, but never a zero that nobody measured."""
    exact = exact_solution(problem).astype("float32")
    off = 1.3 * exact
    whole = system_of(problem)
    assert whole.relative_residual(exact) < 1e-4
    estimates = {"exact": [], "off": []}
    target = np.asarray(whole.target)
    plain = []
    for seed in range(12):
        data = TrainingData((problem.x, problem.y), batch_size=4, seed=seed)
        system = DampedSystem(whole.curvature, DAMPING, whole.target, data, data.part(24))
        estimates["exact"].append(system.relative_residual(exact) ** 2)
        estimates["off"].append(system.relative_residual(off) ** 2)
        left = target - np.asarray(system.product(exact, system.measured_on))
        plain.append(np.sum(left**2) / np.sum(target**2))
    assert np.min(estimates["exact"]) > 0
    assert np.mean(estimates["exact"]) < 0.6 * np.mean(plain)
    assert np.mean(estimates["off"]) == pytest.approx(whole.relative_residual(off) ** 2, rel=0.5)


@pytest.mark.parametrize("solver", [Exact(), ConjugateGradient(part_samples=0)])
def test_negative_curvature_is_reported(problem, solver):
    with pytest.raises(DivergenceError, match=r"not positive definite.*Try damping well above"):
        solver.solve(system_of(problem, damping=-0.5), verbose=0)


def test_exact_refuses_what_is_too_large(problem):
    with pytest.raises(ValueError, match=r"argument `solver`.*most_variables is 20"):
        Exact(most_variables=20).solve(system_of(problem), verbose=0)


@pytest.mark.parametrize(
    ("solver", "arguments"),
    [
        (ConjugateGradient, {"depth": 0}),
        (ConjugateGradient, {"tolerance": 0.0}),
        (ConjugateGradient, {"part_samples": -1}),
        (ConjugateGradient, {"part_steps": 0}),
        (ConjugateGradient, {"lissa_steps": -1}),
        (ConjugateGradient, {"on_divergence": "ignore"}),
        (Exact, {"most_variables": 0}),
        (LiSSA, {"tolerance": 1.0}),
        (LiSSA, {"averaging": "yes"}),
        (LiSSA, {"damping": -1.0}),
    ],
)
def test_bad_arguments(solver, arguments):
    [name] = arguments
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        solver(**arguments)
