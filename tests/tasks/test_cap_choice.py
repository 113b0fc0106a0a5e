"""How many to drop, chosen in a run of a small real task."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from least_squares import SAMPLES, LeastSquares

from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.tasks.choice_lines import choice_lines
from tfdrop.tasks.influence_files import scored_rounds
from tfdrop.tasks.rounds import TRIALS, run_rounds
from tfdrop.tasks.settings import RunSettings


def settings(**more):
    return RunSettings(max_drop="auto", trial_seeds=4, **more)


def test_the_wrong_ones_are_dropped_and_only_rounds_and_controls_are_left(tmp_path):
    task = LeastSquares(settings())
    arms, done, results, seconds, choice = run_rounds(task, task.settings, tmp_path, rounds_differ=True)
    assert choice["dropped"] == [0, 1, 6, 12, 18, int((task.scores > 0).sum())]  # 1, 3 % are of 60 the same
    assert np.shape(choice["held_out"]) == (6, 4)
    assert choice["cap"] in (12, 18)
    assert arms[1].cap == choice["cap"] == results["round 2"]["dropped"]
    assert set(task.wrong) <= set(range(SAMPLES)) - set(done.samples(arms[1]))
    assert list(results) == ["round 1", "round 2", "full set", "random drop"]
    assert results["random drop"]["points"] == SAMPLES - choice["cap"]
    assert set(seconds) == {*results, TRIALS}
    assert sorted(path.stem for path in tmp_path.glob("*.keras")) == sorted(results)
    assert len(task.trained) == 4 + 6 * 4


def test_the_trials_are_paired_by_seeds_that_no_round_has(tmp_path):
    task = LeastSquares(settings(), wrong=0)
    choice = run_rounds(task, task.settings, tmp_path, rounds_differ=True).choice
    first = np.array(choice["held_out"])[0]
    assert len(set(first)) == 4
    state = json.loads((tmp_path / "state.json").read_text())["arms"]
    means = [np.mean(state[f"trial {number} without 0"]["held_out"]) for number in range(1, 5)]
    np.testing.assert_allclose(means, first)
    assert np.mean(state["round 1"]["held_out"]) not in means


def test_where_nothing_is_gained_nothing_is_dropped_and_no_random_control_is_trained(tmp_path):
    task = LeastSquares(settings(), wrong=0)
    found = run_rounds(task, task.settings, tmp_path, rounds_differ=False)
    assert found.choice["cap"] == 0
    assert found.results["round 2"]["points"] == SAMPLES
    # The last round stands for the control, so that every seed has all trainings.
    assert list(found.results) == ["round 1", "round 2", "random drop"]
    assert found.results["random drop"] == found.results["round 2"]
    assert "random drop" not in found.done.state["arms"]


def test_interrupted_anywhere_it_goes_on_to_the_same(tmp_path):
    whole = run_rounds(LeastSquares(settings()), settings(), tmp_path / "whole", rounds_differ=True)
    trained = []
    for _ in range(100):
        task = LeastSquares(settings())
        try:
            # A deadline that has passed: each start does one step.
            found = run_rounds(task, settings(), tmp_path / "slices", rounds_differ=True, pace=Pace(deadline=0.0))
            break
        except OutOfTime:
            trained += list(task.trained)
    assert (found.choice, found.results) == (whole.choice, whole.results)
    assert len(trained) > 20
    assert sorted(set(trained)) == sorted(trained)


class TwoRankings(RunSettings):
    """Settings whose trials try influence, and a ranking that is no better than chance."""

    tried_rankings = ("random", "influence")

    def threshold_of(self, ranking=""):
        return -np.inf if ranking == "random" else 0.0


class TwiceRanked(LeastSquares):
    def influence(self, arm, model, samples, checkpoint, records):
        ranking = arm.settings["rank_by"]
        scores = self.scores[samples] if ranking == "influence" else np.random.default_rng(0).random(len(samples))
        assert records.exists()
        return dataclasses.replace(super().influence(arm, model, samples, checkpoint, records), scores=scores)

    def train(self, arm, samples, folder, key, pace, records, sample_weights):
        if records is not None:
            records.mkdir(parents=True)
        return super().train(arm, samples, folder, key, pace, records, sample_weights)


def test_of_two_rankings_the_better_is_chosen_and_told(tmp_path):
    own = TwoRankings(max_drop="auto", trial_seeds=4)
    task = TwiceRanked(own)
    found = run_rounds(task, own, tmp_path, rounds_differ=True)
    choice = found.choice
    positive = int((task.scores > 0).sum())
    by = sorted(
        [(count, "random") for count in (1, 6, 12, 18)] + [(count, "influence") for count in (1, 6, 12, 18, positive)]
    )
    assert sorted(zip(choice["dropped"][1:], choice["rankings"][1:], strict=True)) == by
    assert choice["dropped"] == sorted(choice["dropped"])
    assert (choice["ranking"], choice["cap"] in (12, 18)) == ("influence", True)
    kept = found.done.samples(found.arms[1])
    assert set(task.wrong) <= set(range(SAMPLES)) - set(kept)
    assert found.results["random drop"]["points"] == len(kept)
    assert found.results["round 1"]["influence"]["measure"] == "loss"
    [scored] = scored_rounds(found.done, found.arms)
    np.testing.assert_array_equal(scored.scores, task.scores)
    assert not (tmp_path / "records").exists()
    lines = "\n".join(choice_lines(choice, "squared error", 3))
    assert f"Chosen: {choice['cap']} by influence" in lines
    assert "12 by chance: " in lines


@pytest.mark.parametrize("cap", [0.1, 5, 1])
def test_a_given_cap_needs_no_trials(tmp_path, cap):
    task = LeastSquares(RunSettings(max_drop=cap, controls=False))
    found = run_rounds(task, task.settings, Path(tmp_path), rounds_differ=False)
    assert found.choice is None
    assert found.results["round 2"]["dropped"] == {0.1: 6, 5: 5, 1: int((task.scores > 0).sum())}[cap]
    assert list(task.trained) == ["round 1", "round 2"]


def test_trials_weigh_as_the_second_round_does(tmp_path):
    task = LeastSquares(settings(drop_weight=0.25, controls=False))
    found = run_rounds(task, task.settings, tmp_path, rounds_differ=True)
    for count in found.choice["dropped"][1:]:
        weights = task.trained[f"trial 2 without {count}"]
        assert np.sum(weights == 0.25) == count
    assert task.trained["trial 1 without 0"] is None
