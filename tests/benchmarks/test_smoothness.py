"""The table of smoothness: each row is of the learning rate that it names."""

import numpy as np
import pytest
from absl.testing import flagsaver

from benchmarks.influence_validity.images import Images
from benchmarks.replay_validity import smoothness
from benchmarks.replay_validity.trainings import Setup, trained
from tfdrop.checkpoint import Pace
from tfdrop.influence import replay_influence

pytestmark = pytest.mark.usefixtures("default_flags")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(150, 3)).astype("float32"), RNG.integers(0, 3, 150)
TRAIN, VALIDATION = (X[:100], Y[:100]), (X[100:], Y[100:])


@pytest.mark.filterwarnings("ignore:The training answers")
def test_each_row_is_of_its_learning_rate(dense, tmp_path):
    setup = Setup("dense", dense, 0.1, epochs=2)
    images = Images("random", 3, TRAIN, VALIDATION, VALIDATION)
    with flagsaver.flagsaver(rates=["0.5"], smoothness_seeds=["3"]):
        lines = smoothness.section(setup, images, TRAIN, tmp_path, Pace())
    rows = [line.strip("| ").split(" | ") for line in lines[-2:]]
    assert [row[0] for row in rows] == ["constant 0.5", "falling from 0.5"]
    for row, falls in zip(rows, (False, True), strict=True):
        again = Setup("dense", dense, 0.5, epochs=2, falls=falls)
        network = trained(again, TRAIN, 3)
        loss, _, wrong = again.measured(network, VALIDATION)
        run = again.training(TRAIN, 3, record=True)
        for _ in run.dispatches():
            pass
        found = replay_influence(run, VALIDATION, horizon=1 / run.steps, smoothness=True, verbose=0).smoothness
        assert row[1:] == [
            f"{found:.2f} [{found:.2f}, {found:.2f}]",
            f"{again.measured(network, TRAIN)[0] / 100:.3f}",
            f"{loss / 50:.3f}",
            f"{2 * wrong:.1f}",
        ]
