"""The table that says whether dropping helps: which samples an arm drops, and what it is compared with."""

import numpy as np
import pytest
from benchmark_runs import cells
from scipy import stats

from benchmarks.replay_validity import dropping
from benchmarks.replay_validity.dropping import Arm

pytestmark = pytest.mark.usefixtures("default_flags")


def test_arms_drop_what_the_ranking_puts_first():
    rng = np.random.default_rng(0)
    scores = {"replay": rng.normal(size=50), "training loss": rng.exponential(size=50)}
    nothing, *arms = dropping._arms(scores, 50)
    assert nothing.count == len(nothing.dropped) == 0
    positive = [arm for arm in arms if arm.share == "all positive" and arm.ranking != "random"]
    assert [arm.ranking for arm in positive] == ["replay"]  # a loss is always positive
    assert set(positive[0].dropped) == set(np.flatnonzero(scores["replay"] > 0))
    for arm in arms:
        if arm.ranking == "random":
            assert arm.dropped is None
            continue
        assert arm.count == len(arm.dropped) == len(set(arm.dropped))
        kept = np.delete(scores[arm.ranking], arm.dropped)
        assert scores[arm.ranking][arm.dropped].min() > kept.max()
        assert ("random", arm.count) in [(other.ranking, other.count) for other in arms]
    assert [arm.count for arm in arms if arm.ranking == "training loss"] == [2, 5, 15]


def test_differences_are_paired_by_seed():
    rng = np.random.default_rng(0)
    arms = [Arm("nothing dropped", "none", None, 0), Arm("random", "0.1", None, 5), Arm("replay", "0.1", None, 5)]
    per_seed = rng.normal(size=(7, 1)) * 100
    found = {arm.name: per_seed + rng.normal(size=(7, 2)) for arm in arms}
    nothing, random, replay = cells("\n".join(dropping._table(arms, found)))
    assert nothing[3:5] == ["", ""]
    assert random[3] == ""
    for cell, other in ((replay[3], "random, 5"), (replay[4], "nothing dropped, 0")):
        expected = stats.ttest_rel(found["replay, 5"][:, 0], found[other][:, 0]).confidence_interval(0.95)
        mean, low, high = (float(word.strip("[],")) for word in cell.split())
        assert (low, high) == pytest.approx(tuple(expected), abs=0.051)
        assert mean == pytest.approx(np.mean(found["replay, 5"][:, 0] - found[other][:, 0]), abs=0.051)
