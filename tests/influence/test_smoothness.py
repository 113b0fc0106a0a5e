"""How smoothly a training answers its samples' weights, beside trainings made anew."""

import warnings

import numpy as np
import pytest
from keras import ops
from trainings import TRAINING_SAMPLES, finished, momentum, small_training, validation_of

from tfdrop.checkpoint import Checkpoint, OutOfTime, Pace
from tfdrop.influence import SmoothnessWarning, mean_influence, replay_influence
from tfdrop.influence.replay.smoothness import LEFT_OUT, SEED, smoothness
from tfdrop.training import repeated


def replayed(training, **more):
    return replay_influence(training, validation_of(), horizon=0.1, smoothness=True, verbose=0, **more)


def values(training):
    variables = [*training.model.variables, *training.optimizer.variables]
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def rough(**more):
    return small_training(optimizer=lambda: momentum(1.0), epochs=20, **more)


def test_weighted_share_of_what_goes_on_in_its_direction():
    first, second, third = np.random.default_rng(0).normal(size=(3, 40))
    on = turned = 0.0
    for a, b, c in zip(first, second, third, strict=True):
        if (b - a) * (c - b) > 0:
            on += abs(b - a)
        else:
            turned += abs(b - a)
    assert smoothness(first, second, third) == pytest.approx((on - turned) / (on + turned))
    assert smoothness(first, first, third) == 1.0  # what does not move at all is smooth


@pytest.mark.parametrize("own", [None, np.linspace(0.5, 2.0, TRAINING_SAMPLES)])
def test_is_that_of_trainings_made_anew(own):
    training = finished(rough(sample_weights=own))
    before = values(training)
    with pytest.warns(SmoothnessWarning, match=r"smoothness -?0\.\d\d, below 0\.9.*smaller learning rate"):
        found = replayed(training).smoothness
    for one, two in zip(before, values(training), strict=True):
        np.testing.assert_array_equal(one, two)
    left_out = np.random.default_rng(SEED).permutation(TRAINING_SAMPLES)[: max(1, round(LEFT_OUT * TRAINING_SAMPLES))]
    ends = [np.concatenate([weight.ravel() for weight in training.model.get_weights()])]
    for weight in (0.5, 0.0):
        weights = np.ones(TRAINING_SAMPLES) if own is None else own.copy()
        weights[left_out] *= weight
        again = finished(rough(sample_weights=weights, record=False))
        ends.append(np.concatenate([each.ravel() for each in again.model.get_weights()]))
    change, following = np.diff(ends, axis=0)
    assert found == pytest.approx(np.abs(change) @ (np.sign(change) * np.sign(following)) / np.abs(change).sum())


def test_a_smooth_training_warns_of_nothing_and_is_replayed_the_same():
    training = finished(small_training())
    with warnings.catch_warnings():
        warnings.simplefilter("error", SmoothnessWarning)
        found = replayed(training)
    assert found.smoothness > 0.99
    alone = replay_influence(training, validation_of(), horizon=0.1, verbose=0)
    assert alone.smoothness is None
    np.testing.assert_array_equal(found.scores, alone.scores)
    assert mean_influence([found, alone]).smoothness == found.smoothness
    assert mean_influence([alone, alone]).smoothness is None


@pytest.mark.filterwarnings("ignore::tfdrop.influence.replay.smoothness.SmoothnessWarning")
def test_goes_on_where_it_was_interrupted(tmp_path):
    whole = replayed(finished(rough()))
    training = finished(rough(steps_per_dispatch=1))
    for stops in range(1000):  # noqa: B007
        ticks = iter(range(100000))
        checkpoint = Checkpoint(tmp_path / "replay.npz", "replay", Pace(0, deadline=40, clock=lambda: next(ticks)))  # noqa: B023
        try:
            found = replayed(training, checkpoint=checkpoint)
            break
        except OutOfTime:
            continue
    assert stops > 5
    assert found.smoothness == whole.smoothness
    np.testing.assert_array_equal(found.scores, whole.scores)


def test_a_training_that_was_not_recorded_has_no_first_state():
    again = repeated(small_training(record=False), np.ones(TRAINING_SAMPLES))
    with pytest.raises(ValueError, match=r"argument `training`. Expected a recorded training, or its first state"):
        again.__enter__()


def test_a_training_is_where_it_was_after_an_error():
    training = finished(small_training())
    before, record = values(training), training.record

    def interrupted():
        with repeated(training, np.zeros(TRAINING_SAMPLES)) as again:
            next(again.dispatches())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    for one, two in zip(before, values(training), strict=True):
        np.testing.assert_array_equal(one, two)
    assert training.record is record
    assert training.sample_weights is None
