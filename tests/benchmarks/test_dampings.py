"""The dampings that are compared with retrainings: all of one Krylov space, each as its own solve would find it."""

import numpy as np
import pytest

from benchmarks.replay_validity import dampings
from benchmarks.replay_validity.trainings import Setup
from tfdrop.influence import InfluenceModel

pytestmark = pytest.mark.usefixtures("default_flags")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)).astype("float32"), RNG.integers(0, 3, 50)
TRAIN, VALIDATION = (X[:40], Y[:40]), (X[40:], Y[40:])


@pytest.fixture
def run(dense):
    found = Setup("dense", dense, 0.05, epochs=2).training(TRAIN, seed=0, record=True)
    for _ in found.dispatches():
        pass
    return found


@pytest.mark.parametrize("curvature", ["gauss_newton", "hessian"])
def test_dampings_are_those_of_exact_solves(run, curvature):
    question = dampings._Question(run.model, run.loss, TRAIN, VALIDATION, curvature, "loss")
    found = question.effects(absolute=False)
    largest = question.space.spectrum().largest
    for at, relative in enumerate(dampings.RELATIVE):
        if np.isnan(found[:, at]).any():
            assert curvature == "hessian"
            assert question.space.spectrum().smallest + relative * largest <= 0
            continue
        settings = {"curvature": curvature, "damping": relative * largest, "verbose": 0}
        expected = InfluenceModel(run.model, TRAIN, run.loss, **settings).total(VALIDATION, solver="exact")
        np.testing.assert_allclose(found[:, at], expected.removal_effect, rtol=0.02, atol=0.01 * np.ptp(found[:, at]))


def test_segments_of_a_short_training_are_gradient_products(run, monkeypatch):
    """Where nothing decays, each segment adds its time times the product of two gradients."""
    monkeypatch.setattr(dampings, "_rates", lambda run: np.full(run.steps, 1e-6))
    question = dampings._Question(run.model, run.loss, TRAIN, VALIDATION, "gauss_newton", "loss")
    found = dampings._over_segments(run, question, TRAIN, VALIDATION)
    products = []
    assert len(found) == len(TRAIN[0])
    for segment in range(3):
        state = run.record.state(round((segment + 0.5) * run.steps / 3))
        for variable, value in zip(run.model.trainable_variables, state.weights, strict=True):
            variable.assign(value)
        asked = dampings._Question(run.model, run.loss, TRAIN, VALIDATION, "gauss_newton", "loss", question.target)
        products.append(asked.scores([question.target])[:, 0])
    time = run.steps * 1e-6 / (1 - 0.9) / 3
    np.testing.assert_allclose(found, time * np.sum(products, axis=0), rtol=0.05, atol=0.02 * np.ptp(found))
