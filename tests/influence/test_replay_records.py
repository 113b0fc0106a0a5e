"""A record changes nothing in the training, and how it is kept changes nothing in the scores."""

import keras
import numpy as np
import pytest
from keras import layers
from trainings import TRAINING_SAMPLES, finished, images, small_training, validation_of

from tfdrop.checkpoint import Checkpoint, CheckpointError, OutOfTime, Pace, load_training, save_training
from tfdrop.influence import replay_influence
from tfdrop.training import Training
from tfdrop.training.record import Record, spacing
from tfdrop.training.recording import states_of
from tfdrop.training.step_function import read_state

DATA = images()
VALIDATION = validation_of(DATA)


def noisy_layers():
    return [
        layers.Conv2D(3, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
    ]


def training_of(**more):
    return small_training(noisy_layers, DATA, batch_size=4, epochs=3, **more)


def replay(training, **more):
    return replay_influence(training, VALIDATION, verbose=0, **more)


def state_bytes(training):
    state = read_state(training.model, training.optimizer)
    return sum(array.nbytes for group in state for array in group)


@pytest.fixture(scope="module")
def whole():
    """A finished training of 12 steps, 4 an epoch, whose states are all in memory."""
    return finished(training_of())


@pytest.fixture(scope="module")
def found(whole):
    return replay(whole)


def test_a_recorded_training_is_the_same_to_the_bit(whole):
    unrecorded = finished(training_of(record=False))
    for ours, theirs in zip(whole.model.variables, unrecorded.model.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))
    for ours, theirs in zip(whole.optimizer.variables, unrecorded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))


def test_every_state_is_read_once(found):
    assert (found.kept, found.recomputed) == (12, 0)
    assert (found.horizon, len(found.norms)) == (1.0, 13)


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("states", [11, 8])
def test_states_that_do_not_fit_are_computed_again_once(tmp_path, whole, found, states, on_disk):
    record = tmp_path / "record" if on_disk else True
    states = -(-states // 4) if on_disk else states
    training = finished(training_of(record=record, memory=states * state_bytes(whole)))
    again = replay(training)
    np.testing.assert_array_equal(again.scores, found.scores)
    np.testing.assert_array_equal(again.norms, found.norms)
    assert again.kept + again.recomputed == 12
    assert again.kept == len(training.record.steps) - 1 == states_of(training) - 1
    if not on_disk:
        assert again.recomputed > 0
        assert len(training.record.steps) + training.record.gap <= states


def test_a_training_of_many_short_epochs_needs_no_state_of_each(whole):
    """Kept and computed again fit into the memory although there are more epochs than states that do."""
    arguments = {"batch_size": 7, "epochs": 40}
    kept = finished(small_training(noisy_layers, DATA, **arguments))
    few = finished(small_training(noisy_layers, DATA, memory=24 * state_bytes(whole), **arguments))
    assert (kept.record.gap, few.record.gap) == (1, 5)
    assert len(few.record.steps) == 17
    np.testing.assert_array_equal(replay(few).scores, replay(kept).scores)


def taken(training, between):
    """Returns a training after all its steps, with `between(training)` called before each epoch but the first."""
    for _ in training.dispatches():
        if training.step % training.steps_per_epoch == 0 and training.step < training.steps:
            between(training)
    return training


def lower_rate(training):
    training.optimizer.learning_rate = 0.7 * training.learning_rate


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_rate_that_was_changed_from_outside_is_that_of_steps_that_are_computed_again(tmp_path, whole, found, on_disk):
    epochs, record, states = (16, tmp_path / "record", 3) if on_disk else (3, True, 8)

    def begun(**more):
        return small_training(noisy_layers, DATA, batch_size=4, epochs=epochs, **more)

    kept = replay(taken(begun(), lower_rate))
    assert not np.allclose(kept.scores, found.scores)
    settings = {"record": record, "memory": states * state_bytes(whole)}
    few = taken(begun(**settings), lower_rate)
    assert few.record.gap == 3 != few.steps_per_epoch
    if on_disk:  # by another process, which has not seen the rates
        few = begun(**settings)
        assert few.restore()
    again = replay(few)
    assert again.recomputed > 0
    np.testing.assert_array_equal(again.scores, kept.scores)


@pytest.mark.parametrize("factor", [1.5, 1.02])
def test_what_else_was_changed_from_outside_is_an_error(whole, factor):
    def scaled(training):
        for weight in training.model.trainable_variables:
            weight.assign(factor * weight)

    few = taken(training_of(memory=8 * state_bytes(whole)), scaled)
    ended = [keras.ops.convert_to_numpy(variable) for variable in few.model.variables]
    with pytest.raises(
        ValueError, match=r"Expected the training that was recorded, with nothing changed .* after step \d+ is off"
    ):
        replay(few)
    for variable, before in zip(few.model.variables, ended, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), before)


def test_rates_are_those_of_the_last_run_over_a_step(tmp_path, whole):
    """And states that a run with another rate kept later are gone."""
    record = Record(tmp_path, "", whole.record.state(0), gap=2)
    record.note({})
    for step, rate in ((0, 0.1), (1, 0.1), (2, 0.05), (4, 0.02)):
        record.note_rate(step, rate)
        record.keep(step, whole.record.state(step))
    with (tmp_path / "rates.txt").open("a") as file:
        file.write("\n6 0.0")  # the process was killed
    for again in (record, Record(tmp_path, "", whole.record.state(0), gap=2)):
        assert [again.rate(step) for step in range(6)] == [0.1, 0.1, 0.05, 0.05, 0.02, 0.02]
    again.note_rate(2, 0.05)  # as before, but what came later is to come again
    assert (again.steps, again.rate(5)) == ([0, 1, 2], 0.05)
    again.note_rate(1, 0.01)
    for found in (again, Record(tmp_path, "", whole.record.state(0), gap=2)):
        assert found.steps == [0, 1]
        assert [found.rate(step) for step in (0, 1, 9)] == [0.1, 0.01, 0.01]


@pytest.mark.parametrize("first", [0.1, 0.2])
def test_a_record_of_another_schedule_is_refused(tmp_path, first):
    def begun(rate):
        schedule = keras.optimizers.schedules.CosineDecay(rate, 12)
        return training_of(record=tmp_path, optimizer=lambda: keras.optimizers.SGD(schedule))

    finished(begun(0.1))
    if first == 0.1:
        assert begun(first).restore()
    else:
        with pytest.raises(CheckpointError, match="of another training"):
            begun(first)


def test_in_a_folder(tmp_path, found):
    training = finished(training_of(record=tmp_path))
    assert training.record.on_disk
    np.testing.assert_array_equal(replay(training).scores, found.scores)


def test_an_interrupted_training_goes_on_with_its_record(tmp_path, found):
    training = training_of(record=tmp_path / "record")
    training.model.compile(training.optimizer, training.loss)
    for step, _ in enumerate(training.dispatches()):
        if step == 4:
            save_training(tmp_path / "a.keras", training.model, {})
        if step == 6:  # killed two steps after the save
            break
    model, _ = load_training(tmp_path / "a.keras")
    train = (DATA[0][:TRAINING_SAMPLES], DATA[1][:TRAINING_SAMPLES])
    # Keras saves no type of a loss, and this one is in float64.
    restored = Training(model, model.optimizer, training.loss, train, 4, 3, 3, record=tmp_path / "record")
    assert restored.step == 5
    np.testing.assert_array_equal(replay(finished(restored)).scores, found.scores)


def test_the_same_training_once_more_in_the_same_folder(tmp_path, found):
    finished(training_of(record=tmp_path))
    np.testing.assert_array_equal(replay(finished(training_of(record=tmp_path))).scores, found.scores)


@pytest.mark.parametrize("states", [100, 8])
def test_an_interrupted_replay_goes_on_to_the_same_bits(tmp_path, whole, found, states):
    training = finished(training_of(memory=states * state_bytes(whole)))
    interruptions = 0
    while True:
        ticks = iter(range(10**6))
        pace = Pace(seconds=0, deadline=8, clock=lambda: next(ticks))  # noqa: B023
        try:
            again = replay(training, checkpoint=Checkpoint(tmp_path / "walk.npz", "walk", pace))
            break
        except OutOfTime:
            interruptions += 1
    assert interruptions > 2
    np.testing.assert_array_equal(again.scores, found.scores)
    np.testing.assert_array_equal(again.norms, found.norms)


def test_half_of_the_horizon_is_the_walk_over_the_last_half(whole, found):
    half = replay(whole, horizon=0.5)
    assert (half.horizon, half.kept, len(half.norms)) == (0.5, 6, 7)
    np.testing.assert_array_equal(half.norms, found.norms[:7])
    before = replay_of_first_half(whole)
    np.testing.assert_allclose(half.scores + before, found.scores, rtol=1e-12, atol=1e-12)


def replay_of_first_half(whole):
    """Returns what the first half of the steps adds to the scores, walked by hand."""
    from tfdrop.influence.replay.measured import measured

    _, cotangent = measured(whole, None, VALIDATION, "loss", 64, 0)
    scores = np.zeros(TRAINING_SAMPLES)
    for step in reversed(range(12)):
        batch = whole.batch(step)
        ones = np.ones(len(batch))
        cotangent, derivatives, _ = whole.backward().backward(whole.record.state(step), batch, ones, cotangent)
        if step < 6:
            scores[batch] += TRAINING_SAMPLES * np.asarray(derivatives)
    return scores


def test_the_automatic_horizon_on_a_training(whole, found):
    auto = replay(whole, horizon="auto")
    steps = round(12 * auto.horizon)
    assert steps >= whole.steps_per_epoch
    assert len(auto.norms) == steps + 1
    np.testing.assert_array_equal(auto.norms, found.norms[: steps + 1])
    np.testing.assert_array_equal(auto.scores, replay(whole, horizon=steps / 12).scores)


@pytest.mark.parametrize("on_disk", [False, True])
def test_kept_states_fit_into_the_memory(on_disk):
    for steps in (1, 2, 7, 63, 1200, 20_000):
        for memory in (1, 3, 10, 40, 100, 2000):
            try:
                gap = spacing(steps, 1, memory, on_disk)
            except ValueError as error:
                least = int(str(error).split("at least ")[1].split()[0])
                assert memory < least < 3 * steps**0.5 + 2
                assert spacing(steps, 1, least, on_disk) <= steps
                continue
            kept, again = len(range(0, steps, gap)) + 1, 0 if gap == 1 else gap
            assert kept + (0 if on_disk else again) <= memory * (10 if on_disk else 1)
            assert again <= memory


def test_twenty_thousand_steps_of_270_000_weights_fit_into_a_gigabyte():
    gap = spacing(20_000, 2 * 4 * 271_098, 2**30, on_disk=False)
    assert (20_000 / gap + gap) * 2 * 4 * 271_098 < 2**30
