"""Conjugate gradients: what their preconditioner saves, and what their residual is worth."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from problems import SoftmaxRegression
from systems import DAMPING, exact_solution, relative_error, system_of

from tfdrop.influence import ConjugateGradient


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=90, features=7)


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
