"""Killed at any moment and started again, an influence computation ends with the bits of one that was not."""

import itertools

import numpy as np
import pytest
from problems import SoftmaxRegression, smooth_denoiser

from tfdrop.checkpoint import Checkpoint, CheckpointError, OutOfTime
from tfdrop.influence import ConjugateGradient, Exact, LiSSA, influence_matrix, self_influence, total_influence
from tfdrop.losses import HalfSumSquaredError


class KilledAtEvery:
    """A pace that saves every few steps and ends the run, without a save, some steps later."""

    def __init__(self, saves, kill):
        self._saves, self._kill, self._steps = saves, kill, 0

    def after_step(self, save):
        self._steps += 1
        if self._steps % self._saves == 0:
            save()
        if self._steps == self._kill:
            raise OutOfTime


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=60)


ADAPTS = ConjugateGradient(on_divergence="adapt", part_samples=0)
COMPUTATIONS = {
    "lissa": (total_influence, {"solver": LiSSA(depth=150, repeats=2, batch_size=25, tolerance=0.03)}),
    "lissa that adapts": (
        total_influence,
        {"solver": LiSSA(depth=120, batch_size=10, scale=0.3, on_divergence="adapt")},
    ),
    "cg": (total_influence, {"solver": ConjugateGradient(tolerance=1e-6, part_samples=10, part_steps=2)}),
    "cg of lissa": (
        total_influence,
        {"solver": ConjugateGradient(tolerance=1e-6, part_samples=30, part_steps=5, lissa_steps=3)},
    ),
    "exact": (total_influence, {"solver": Exact()}),
    "matrix": (influence_matrix, {"solver": "cg", "columns": 3}),
    "self": (self_influence, {"solver": "cg", "samples": range(8)}),
    "drawn": (self_influence, {"draws": 3, "steps": 4}),
    "by basis": (self_influence, {"basis": 9}),
    "matrix by basis": (influence_matrix, {"basis": 9, "curvature": "gauss_newton", "columns": 3}),
}


@pytest.mark.parametrize(
    ("name", "saves", "kill"), [(name, 3, 11) for name in COMPUTATIONS] + [("cg", 1, 1), ("cg of lissa", 1, 1)]
)
def test_a_killed_run_goes_on_to_the_same_bits(problem, tmp_path, name, saves, kill):
    function, arguments = COMPUTATIONS[name]
    arguments = arguments | {"damping": 0.02, "batch_size": 7, "verbose": 0, "train": (problem.x, problem.y)}
    if function is not self_influence:
        arguments["validation"] = (problem.x_validation[:8], problem.y_validation[:8])
    uninterrupted = function(problem.model, **arguments)
    for tries in itertools.count(1):
        pace = KilledAtEvery(saves, kill if tries < 12 else 10**9)
        try:
            checkpoint = Checkpoint(tmp_path / "influence.npz", "key", pace)
            found = function(problem.model, **arguments, checkpoint=checkpoint)
            break
        except OutOfTime:
            continue
    assert tries > 1
    np.testing.assert_array_equal(found.scores, uninterrupted.scores)
    assert found.damping == uninterrupted.damping
    if function is influence_matrix:
        np.testing.assert_array_equal(found.residuals, uninterrupted.residuals)
        np.testing.assert_array_equal(found.converged, uninterrupted.converged)
    if function is self_influence:
        np.testing.assert_array_equal(found.leverages, uninterrupted.leverages)
    if function is total_influence:
        assert found.history == uninterrupted.history
        assert (found.residual, found.scale, found.spread) == (
            uninterrupted.residual,
            uninterrupted.scale,
            uninterrupted.spread,
        )


def test_a_checkpoint_of_other_weights_or_settings_is_refused(problem, tmp_path):
    def run(seed=0):
        checkpoint = Checkpoint(tmp_path / "influence.npz", "key", KilledAtEvery(1, 10**9))
        data = (problem.x, problem.y)
        return total_influence(problem.model, data, data, damping=0.1, seed=seed, verbose=0, checkpoint=checkpoint)

    run()
    with pytest.raises(CheckpointError, match="of another computation"):
        run(seed=1)
    kernel = problem.model.layers[0].kernel
    kernel.assign(2 * kernel)
    with pytest.raises(CheckpointError, match="of another computation"):
        run()
    kernel.assign(kernel / 2)


def test_a_matrix_whose_damping_is_raised_has_one_damping(tmp_path):
    """Killed again and again, too; the columns are those of the damping that the last of them needed."""
    model, x, y = smooth_denoiser()
    arguments = {"loss": HalfSumSquaredError(), "damping": 1e-6, "solver": ADAPTS, "batch_size": 3, "verbose": 0}
    data = {"train": (x, 5 * y), "validation": (x[:3], y[:3])}
    whole = influence_matrix(model, **data, **arguments)
    assert whole.damping > 1e-6
    for tries in itertools.count(1):
        try:
            pace = KilledAtEvery(2, 9 if tries < 30 else 10**9)
            checkpoint = Checkpoint(tmp_path / "influence.npz", "key", pace)
            found = influence_matrix(model, **data, **arguments, checkpoint=checkpoint)
            break
        except OutOfTime:
            continue
    assert tries > 1
    np.testing.assert_array_equal(found.scores, whole.scores)
    assert found.damping == whole.damping
    summed = total_influence(model, **data, **arguments | {"damping": whole.damping, "solver": "exact"}).scores
    np.testing.assert_allclose(whole.scores.sum(1), summed, atol=0.05 * np.abs(summed).max())


def test_a_pass_of_other_columns_is_begun_anew(problem, tmp_path):
    """An earlier start, or an earlier release, scored another number of columns in the pass that was interrupted."""
    arguments = {"damping": 0.02, "solver": "cg", "batch_size": 7, "verbose": 0, "train": (problem.x, problem.y)}
    arguments |= {"model": problem.model, "validation": (problem.x_validation[:8], problem.y_validation[:8])}
    whole = influence_matrix(**arguments, columns=1)
    for kill in range(20, 46, 5):
        checkpoint = Checkpoint(tmp_path / f"{kill}.npz", "key", KilledAtEvery(1, kill))
        with pytest.raises(OutOfTime):
            influence_matrix(**arguments, columns=1, checkpoint=checkpoint)
        checkpoint = Checkpoint(tmp_path / f"{kill}.npz", "key", KilledAtEvery(1, 10**9))
        found = influence_matrix(**arguments, columns="auto", checkpoint=checkpoint)
        assert found.scores.shape == (60, 8)
        np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-4, atol=1e-5)
