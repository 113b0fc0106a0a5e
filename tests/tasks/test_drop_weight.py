"""Samples that are not dropped but weigh less, in the batches that they had."""

import numpy as np
import pytest
from least_squares import SAMPLES, LeastSquares

from tfdrop.errors import UserError
from tfdrop.tasks.classification.data import preprocessed, read_data
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.training import train_classifier
from tfdrop.tasks.influence_files import scored_rounds
from tfdrop.tasks.rounds import run_rounds
from tfdrop.tasks.settings import RunSettings


def test_what_would_be_dropped_is_trained_on_with_its_weight(tmp_path):
    task = LeastSquares(RunSettings(max_drop=12, drop_weight=0.5))
    arms, done, results, *_ = run_rounds(task, task.settings, tmp_path, rounds_differ=True)
    worst = np.argsort(-task.scores)[:12]
    assert task.trained["round 1"] is None
    assert task.trained["full set"] is None
    assert set(np.flatnonzero(task.trained["round 2"] == 0.5)) == set(worst)
    assert set(task.trained["round 2"]) == {0.5, 1.0}
    assert results["round 2"] | {"held_out": 0} == {
        "points": SAMPLES,
        "dropped": 12,
        "influence": None,
        "held_out": 0,
        "finished": True,
    }
    random = np.flatnonzero(task.trained["random drop"] == 0.5)
    assert len(random) == 12
    assert set(random) != set(worst)
    [scored] = scored_rounds(done, arms)
    assert set(scored.dropped) == set(worst)


def test_where_nothing_is_unfavorable_nothing_is_weighed(tmp_path):
    task = LeastSquares(RunSettings(max_drop=0.0, drop_weight=0.5))
    run_rounds(task, task.settings, tmp_path, rounds_differ=False)
    assert task.trained == {"round 1": None, "round 2": None}


def test_only_the_weights_tell_the_rounds_of_a_classifier_apart(tmp_path):
    settings = ClassifySettings(train_samples=64, epochs=1, model="resnet8", drop="none")
    data, _ = preprocessed(settings, read_data(settings))

    def trained(name, weights):
        folder = tmp_path / name
        folder.mkdir()
        network = train_classifier(settings, data, data.train, name, 1, folder, sample_weights=weights)
        return np.concatenate([each.ravel() for each in network.get_weights()])

    first, nearly = trained("round 1", None), trained("round 2", np.where(np.arange(64) < 6, 0.999, 1.0))
    assert 0 < np.abs(nearly - first).max() < 0.01 * np.abs(first).max()


@pytest.mark.parametrize("more", [{"rounds": 3}, {"count_last": True}])
def test_more_than_two_rounds_are_refused(more):
    with pytest.raises(UserError, match=r"--drop_weight=0\.5: for two rounds"):
        RunSettings(drop_weight=0.5, **more)
