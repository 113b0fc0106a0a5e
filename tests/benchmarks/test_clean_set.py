"""What is dropped from a clean set, and the table about it."""

import numpy as np
import pytest
from benchmark_runs import cells
from scipy import stats

from benchmarks.clean_set.report import table
from benchmarks.clean_set.trainings import (
    LAST_EPOCH,
    OTHER,
    REPLAY,
    SAME,
    SETUP,
    arm_name,
    arms,
    same_training_without,
    samples,
)
from benchmarks.wrong_labels.arms import FULL, RANDOM
from benchmarks.wrong_labels.trainings import outcome, outputs_by_epoch


def test_the_worst_are_dropped_from_either_seed():
    rng = np.random.default_rng(0)
    rankings = {LAST_EPOCH: rng.normal(size=30), REPLAY: rng.normal(size=30)}
    found = arms(rankings, [2, 9], seed=4)
    assert len(found) == 2 * (1 + 3 * 2)
    for start in (SAME, OTHER):
        assert len(found[arm_name(FULL, 0, start)][0]) == 0
        for count in (2, 9):
            for name, scores in rankings.items():
                dropped, training = found[arm_name(name, count, start)]
                assert training == start
                assert set(dropped) == set(np.argsort(scores)[-count:])
            assert len(set(found[arm_name(RANDOM, count, start)][0])) == count
    np.testing.assert_array_equal(found[arm_name(RANDOM, 9, SAME)][0], found[arm_name(RANDOM, 9, OTHER)][0])


def test_validation_samples_are_others():
    train, validation, test = samples("digits", None, 500, 300)
    assert [len(part[1]) for part in (train, validation)] == [500, 300]
    found = {image.tobytes() for image in train[0]} & {image.tobytes() for image in validation[0]}
    assert len(found) <= 2  # of digits, so small that two may be alike
    assert np.abs(train[0].mean()) < 1e-5
    assert len(test[0]) == len(test[1])


def test_the_same_training_differs_by_what_is_dropped_alone():
    train, _, (x, y) = samples("digits", None, 60, 20)
    test = x[:50], y[:50]
    run = SETUP.training(train, 3)
    expected = outcome(outputs_by_epoch(run, test[0]), test[1])
    nothing = same_training_without(train, np.array([], int), test, 3)
    assert nothing == pytest.approx(expected, rel=1e-4)
    without = same_training_without(train, np.arange(30), test, 3)
    assert without.loss != pytest.approx(expected.loss, rel=1e-3)


def test_differences_are_paired_by_seed():
    rng = np.random.default_rng(1)
    names = arms({LAST_EPOCH: np.arange(9.0), REPLAY: np.arange(9.0)}, [3], seed=0)
    found = [{name: (rng.normal(5, 1), 4.0, 0.5) for name in names} for _ in range(6)]
    rows = cells("\n".join(table(found, [3])))
    assert [row[:3] for row in rows] == [
        [start, *each]
        for start in (SAME, OTHER)
        for each in ([FULL, "0"], [LAST_EPOCH, "3"], [REPLAY, "3"], [RANDOM, "3"])
    ]
    errors = {name: [each[name][0] for each in found] for name in names}
    own = errors[arm_name(REPLAY, 3, OTHER)]
    row = rows[6]
    assert float(row[3]) == pytest.approx(np.mean(own), abs=0.0051)
    for place, other in ((4, arm_name(FULL, 0, OTHER)), (5, arm_name(RANDOM, 3, OTHER))):
        mean, low, high = (float(word.strip("[],")) for word in row[place].split())
        expected = stats.ttest_rel(own, errors[other]).confidence_interval(0.95)
        assert (low, high) == pytest.approx(tuple(expected), abs=0.0051)
        assert mean == pytest.approx(np.mean(own) - np.mean(errors[other]), abs=0.0051)
    assert rows[7][5] == ""
