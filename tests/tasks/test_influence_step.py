"""The influence that the programs' flags ask for, against the library's own functions."""

import keras
import numpy as np
import pytest

from tfdrop.checkpoint import Checkpoint
from tfdrop.influence import ConjugateGradient, LiSSA, total_influence
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.influence_line import influence_line
from tfdrop.tasks.influence_step import influence_as_set
from tfdrop.tasks.score_summary import summary

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def problem():
    """A model with an L2 term, training samples and few validation samples."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)).astype("float32"), rng.integers(0, 3, 40)
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.05))
    model = keras.Sequential([keras.Input((5,)), dense])
    model.compile(keras.optimizers.Adam(0.05), LOSS)
    model.fit(x, y, epochs=30, batch_size=40, verbose=0)
    return model, (x[:34], y[:34]), (x[34:], y[34:])


def found(problem, tmp_path, **flags):
    settings = ClassifySettings(influence_depth=60, influence_batch_size=17, **({"measure": "loss"} | flags))
    return influence_as_set(settings, *problem, LOSS, Checkpoint(tmp_path / "influence.npz", "key"))


def test_each_flag_reaches_the_solver(problem, tmp_path):
    cases = {
        ("cg", "auto"): (ConjugateGradient(depth=60), "gauss_newton", 0.1),
        ("lissa", "30"): (LiSSA(60, 1, 17, scale=30.0), "gauss_newton", 0.1),
        ("original", "20"): (LiSSA.original(scale=20, damping=0.1, depth=60, batch_size=17), "hessian", 0.1),
    }
    for number, ((name, scale), (solver, curvature, damping)) in enumerate(cases.items()):
        (tmp_path / str(number)).mkdir()
        ours = found(problem, tmp_path / str(number), influence=name, influence_scale=scale, influence_damping="0.1")
        model, train, validation = problem
        theirs = total_influence(
            model, train, validation, loss=LOSS, solver=solver, curvature=curvature, damping=damping, verbose=0
        )
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5, atol=1e-5)
        assert (ours.curvature, ours.damping) == (theirs.curvature, theirs.damping)


def test_the_measure_reaches_the_solver(problem, tmp_path):
    ours = found(problem, tmp_path, influence="cg", measure="expected_error", influence_damping="0.1")
    model, train, validation = problem
    settings = {"loss": LOSS, "solver": ConjugateGradient(depth=60), "curvature": "gauss_newton", "damping": 0.1}
    theirs = total_influence(model, train, validation, measure="expected_error", **settings, verbose=0)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("order", ["columns", "basis"])
def test_the_papers_order_of_computation_gives_the_summed_scores(problem, tmp_path, order):
    """Section III-D: k solves, one for each validation sample; here the basis is the whole space."""
    flags = {"influence": "cg", "influence_damping": "0.1"}
    for name in ("sum", order):
        (tmp_path / name).mkdir()
    summed, columns = (found(problem, tmp_path / name, influence_order=name, **flags) for name in ("sum", order))
    np.testing.assert_allclose(columns.scores, summed.scores, rtol=1e-3, atol=1e-3 * np.abs(summed.scores).max())
    assert np.abs(summed.scores).max() > 0
    assert columns.converged
    said = {"columns": "Solve with", "basis": "Basis of 60 vectors, with"}[order]
    assert influence_line(summary(columns)).startswith(f"{said} gauss_newton + 0.1 I (eigenvalues about ")
    model, train, (x, y) = problem
    alone = []
    for place in range(len(x)):
        (tmp_path / str(place)).mkdir()
        one = model, train, (x[place : place + 1], y[place : place + 1])
        alone.append(found(one, tmp_path / str(place), **flags).scores)
    for sample, row in enumerate(np.transpose(alone)):
        expected = [place for place in np.argsort(-row) if row[place] > 0][:3]
        assert columns.harmed[sample].tolist() == expected + [-1] * (3 - len(expected))
    assert (columns.harmed < 0).any()
    assert (columns.harmed[:, -1] >= 0).any()
