"""Approximate inverses of a damped curvature, against dense algebra."""

import numpy as np
import pytest
from problems import SoftmaxRegression
from systems import exact_solution, relative_error, system_of

from tfdrop.influence import ConjugateGradient, InfluenceModel
from tfdrop.influence.solvers.preconditioner import FIRST_SCALE, KrylovInverse, RoughLiSSA
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.influence.training_data import TrainingData

DAMPING = 0.05


def space_of(matrix, steps):
    first = np.random.default_rng(0).standard_normal(len(matrix)).astype("float32")
    return krylov(lambda v: matrix @ np.asarray(v), first, steps)


def symmetric(eigenvalues):
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(len(eigenvalues),) * 2))[0]
    return (basis * eigenvalues @ basis.T).astype("float32")


@pytest.mark.parametrize("outside", [None, 0.7])
def test_inverse_on_the_space_and_a_multiple_of_the_identity_outside(outside):
    matrix = symmetric(np.concatenate([[-0.5], np.linspace(0.3, 9, 29)]))
    space = space_of(matrix, 8)
    values, vectors = np.linalg.eigh(space.tridiagonal)
    inside = np.stack(space.basis, 1) @ vectors[:, values > 0]
    damped = values[values > 0] + 0.2
    other = damped.min() if outside is None else outside
    projector = inside @ inside.T
    expected = inside / damped @ inside.T + (np.eye(30) - projector) / other
    inverse, vector = KrylovInverse(space, 0.2, outside), np.random.default_rng(2).standard_normal(30).astype("float32")
    np.testing.assert_allclose(np.asarray(inverse(vector)), expected @ vector, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        np.asarray(inverse.inside(vector)), inside / damped @ inside.T @ vector, rtol=1e-3, atol=1e-4
    )


def test_where_no_eigenvalue_is_positive_it_is_the_identity():
    vector = np.arange(6, dtype="float32")
    inverse = KrylovInverse(space_of(-np.eye(6, dtype="float32"), 3), 0.5)
    np.testing.assert_allclose(np.asarray(inverse(vector)), vector)
    np.testing.assert_allclose(np.asarray(inverse.inside(vector)), 0)


@pytest.fixture(scope="module")
def problem():
    problem = SoftmaxRegression(samples=1200, features=12, l2=1e-3)
    problem.x *= np.where(np.arange(12) < 4, 4, 0.3).astype("float32")
    return problem


def rough_solution(system, steps, scale=FIRST_SCALE):
    space = system.rough.krylov(6, 256)
    lissa = RoughLiSSA(system, KrylovInverse(space, DAMPING, DAMPING + space.left_over), steps, scale)
    return np.asarray(lissa(system.target, 0)), lissa.scale


def test_steps_of_lissa_come_near_the_solution(problem):
    system = system_of(problem, DAMPING, batch_size=64)
    errors = [
        relative_error(rough_solution(system, steps)[0], exact_solution(problem, DAMPING))
        for steps in (2, 20, 100, 400)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 0.02


def test_the_scale_doubles_where_steps_diverge_and_stays_so(problem):
    system = system_of(problem, DAMPING, batch_size=64)
    found, scale = rough_solution(system, 40, scale=0.02)
    assert np.log2(scale / 0.02) == int(np.log2(scale / 0.02)) >= 1
    assert relative_error(found, exact_solution(problem, DAMPING)) < 0.5
    again, unchanged = rough_solution(system, 40, scale)
    assert unchanged == scale
    np.testing.assert_array_equal(again, found)


def test_steps_that_always_diverge_leave_the_inverse_and_are_not_tried_again(problem):
    system = system_of(problem, DAMPING, batch_size=64)
    tried = []
    products = system.rough.products_of_steps
    system.rough.products_of_steps = lambda *args: tried.append(1) or products(*args)
    lissa = RoughLiSSA(system, KrylovInverse(system.rough.krylov(6, 256), DAMPING, 1e-5), 40)
    for _ in range(2):
        found = np.asarray(lissa(system.target, 0))
        assert len(tried) == 6  # at scales from 2 to 64
    assert lissa.scale == np.inf
    expected = np.asarray(KrylovInverse(system.rough.krylov(6, 256), DAMPING, 1e-5)(system.target))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_batches_are_no_larger_than_the_passes_over_the_data_and_read_once(problem):
    reads = []

    class Batches(list):
        def __iter__(self):
            reads.append(1)
            return super().__iter__()

    parts = [(problem.x[first : first + 6], problem.y[first : first + 6]) for first in range(0, 600, 6)]
    data = TrainingData(Batches(parts), batch_size=6, seed=0)
    before, sizes = len(reads), []
    for _ in range(3):
        for batches, stands_for in data.steps_by_strata(lambda: np.ones(600), 4, 1):
            sizes += [len(y) for _, y in batches]
            assert sum(len(y) * each for (_, y), each in zip(batches, stands_for, strict=True)) == pytest.approx(600)
    assert len(reads) == before + 1
    assert set(sizes) == {6, 4}


def test_an_influence_model_keeps_vectors_only_for_solves_that_they_precondition(problem):
    train, validation = (problem.x[:300], problem.y[:300]), (problem.x_validation, problem.y_validation)
    for solver, kept in (
        (ConjugateGradient(lissa_steps=2), True),
        ("lissa", False),
        (ConjugateGradient(part_samples=0), False),
    ):
        influence = InfluenceModel(problem.model, train, damping=DAMPING, verbose=0)
        influence.total(validation, solver=solver)
        assert bool(influence._problem.rough._begun) == kept
    again = InfluenceModel(problem.model, train, damping=DAMPING, verbose=0)
    one = again.total(validation, solver=ConjugateGradient(lissa_steps=2)).scores
    again.total(validation, solver="lissa")
    np.testing.assert_array_equal(again.total(validation, solver=ConjugateGradient(lissa_steps=2)).scores, one)
