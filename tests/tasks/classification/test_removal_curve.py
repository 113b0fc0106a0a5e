"""--curve: trainings without the worst samples, and without as many random ones."""

import numpy as np
import pytest
from least_squares import SAMPLES, LeastSquares
from scipy import stats

from tfdrop.errors import UserError
from tfdrop.tasks.classification.removal_curve import CURVE, curve_arms, curve_lines, curve_points, draw_curve
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.rounds import run_rounds

SHARES = [10.0, 0.0, 60.0]


def test_the_worst_are_dropped_positive_or_not_and_as_many_at_random(tmp_path):
    settings = ClassifySettings(curve=SHARES, max_drop=3.0)
    task = LeastSquares(settings)
    done = run_rounds(task, settings, tmp_path, rounds_differ=False, more=curve_arms(settings, SAMPLES))
    for share in (10, 60):
        count = round(share / 100 * SAMPLES)
        for name in (f"without the worst {share} %", f"without random {share} %"):
            assert done.results[name]["points"] == SAMPLES - count
        kept = done.done.samples(next(arm for arm in curve_arms(settings, SAMPLES) if arm.cap == count))
        assert task.scores[kept].max() <= np.sort(task.scores)[SAMPLES - count]
    assert (task.scores > 0).sum() < 36  # of the 60 % some help
    assert done.results["round 2"]["points"] == SAMPLES - 3


def test_lines_are_paired_by_seed():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(10, 2, 6).tolist() for name in ("round 1", "round 2", "full set")}
    values |= {
        "without the worst 3 %": rng.normal(9, 2, 6).tolist(),
        "without random 3 %": rng.normal(9, 2, 6).tolist(),
    }
    line = curve_lines(values, [3.0, 0.0], "test error, %", 3, lower_is_better=True)[-1]
    found = [text.split("]")[0] for text in line.split("[")[1:]]
    for text, other in zip(found, ("full set", "without random 3 %"), strict=True):
        expected = stats.ttest_rel(values["without the worst 3 %"], values[other]).confidence_interval(0.95)
        assert [float(number) for number in text.split(",")] == pytest.approx(list(expected), abs=0.00051)
    one = {name: each[:1] for name, each in values.items()}
    assert "chance" not in curve_lines(one, [3.0], "test error, %", 3, lower_is_better=True)[-1]


def test_the_curve_starts_where_nothing_is_dropped(tmp_path):
    values = {"round 1": [5.0, 6.0], "without the worst 3 %": [4.0, 4.5], "without random 3 %": [6.0, 6.5]}
    rows = curve_points(values, [3.0])
    assert [(share, worst.mean(), random.mean()) for share, worst, random in rows] == [(0, 5.5, 5.5), (3, 4.25, 6.25)]
    draw_curve(tmp_path, values, [3.0], "test error, %", "influence")
    assert (tmp_path / CURVE).stat().st_size > 5000


@pytest.mark.parametrize("more", [{"rounds": 3}, {"controls": False}])
def test_a_curve_needs_two_rounds_and_controls(more):
    with pytest.raises(UserError, match=r"--curve=10,0,60: for two rounds, with --controls"):
        ClassifySettings(curve=SHARES, **more)
    with pytest.raises(UserError, match=r"--curve=100\.0: expected at most 99"):
        ClassifySettings(curve=[100.0])
