"""The solvers against dense linear algebra, on matrices that are known exactly."""

import numpy as np
import pytest
from problems import SoftmaxRegression
from systems import DAMPING, exact_solution, relative_error, system_of

from tfdrop.influence import ConjugateGradient, DivergenceError, Exact, LiSSA
from tfdrop.influence.curvature import DampedSystem
from tfdrop.influence.training_data import TrainingData


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=90, features=7)


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


def test_the_rough_curvature_of_all_samples_is_the_curvatures():
    problem = SoftmaxRegression(samples=60, l2=0.1)
    system = system_of(problem)
    vector = np.random.default_rng(1).standard_normal(system.curvature.size).astype("float32")
    found = np.asarray(system.rough.product(vector, 60))
    np.testing.assert_allclose(found, problem.hessian() @ vector, rtol=1e-3, atol=1e-5)


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
