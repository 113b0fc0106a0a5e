"""Replay over the seeds that a program's flags ask for, each of them kept."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfdrop.checkpoint import Pace
from tfdrop.errors import UserError
from tfdrop.influence import replay_influence
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.pair_scores import replayed_groups
from tfdrop.tasks.replay_step import announce_record, record_folder, replay_as_set
from tfdrop.training import Training
from tfdrop.training.recording import states_of

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)).astype("float32"), RNG.integers(0, 3, 40)
TRAIN, VALIDATION = (X[:30], Y[:30]), (X[30:], Y[30:])
SETTINGS = ClassifySettings(influence="replay", influence_horizon="1", seed=3)


def training(seed, record):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    return Training(model, optimizer, LOSS, TRAIN, batch_size=10, epochs=2, seed=seed, record=record)


def finished(seed, record=True):
    found = training(seed, record)
    for _ in found.dispatches():
        pass
    return found


def recorded(settings, folder):
    found = training(settings.seed, folder)
    if not found.restore():
        found = finished(settings.seed, folder)
    return found, None


def never(settings, folder):
    raise AssertionError("trained again")


def replayed(settings, folder, recorded=recorded):
    return replay_as_set(settings, recorded, VALIDATION, folder, Pace())


@pytest.mark.parametrize(("seeds", "average"), [((3, 4), np.mean), ((3, 4, 5), np.median)])
def test_scores_are_the_trimmed_mean_over_the_seeds(seeds, average, tmp_path):
    found = replayed(replace(SETTINGS, influence_seeds=len(seeds)), tmp_path)
    each = [replay_influence(finished(seed), VALIDATION, "expected_error", verbose=0).scores for seed in seeds]
    np.testing.assert_allclose(found.scores, average(each, axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.spread, np.std(each, axis=0, ddof=1), rtol=1e-4, atol=1e-6)
    assert (found.trainings, found.measure, found.horizon) == (len(seeds), "expected_error", 1.0)


def test_groups_of_validation_samples_add_up_to_all_of_them(tmp_path):
    groups = [(X[part], Y[part]) for part in (slice(30, 31), slice(31, 35), slice(35, 40))]
    found = replayed_groups(SETTINGS, lambda folder: recorded(SETTINGS, folder), groups)
    alone = replay_influence(finished(3), groups[0], "expected_error", verbose=0).scores
    np.testing.assert_allclose(found[:, 0], alone, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), replayed(SETTINGS, tmp_path).scores, rtol=1e-4, atol=1e-6)


def test_smoothness_is_found_where_it_is_asked_for_and_kept(tmp_path):
    assert replayed(SETTINGS, tmp_path / "unasked").smoothness is None
    settings = replace(SETTINGS, influence_seeds=2, influence_smoothness=True)
    found = replayed(settings, tmp_path / "asked").smoothness
    assert found == min(
        replay_influence(finished(seed), VALIDATION, horizon=0.1, smoothness=True, verbose=0).smoothness
        for seed in (3, 4)
    )
    assert replayed(settings, tmp_path / "asked", never).smoothness == found


def test_the_size_of_a_record_is_said_beforehand(tmp_path):
    before = training(3, tmp_path / "record")
    states, size = states_of(before), before.record.state_bytes
    finished(3, tmp_path / "record")
    files = list((tmp_path / "record").glob("state_*.bin"))
    assert len(files) == states
    assert sum(path.stat().st_size for path in files) == states * (size + 4)  # each has a checksum


def test_a_large_record_is_announced_and_one_without_room_refused(tmp_path, capsys):
    announce_record(tmp_path, 10, 1_000_000)
    assert capsys.readouterr().out == ""
    announce_record(tmp_path, 1_000, 600_000)
    assert f"about 0.6 GB, 1,000 states of its weights, in {tmp_path}" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--influence=replay: the record .* GB are free; fewer --epochs"):
        announce_record(tmp_path, 10**6, 10**12)


def test_what_was_found_is_not_computed_again(tmp_path):
    settings = replace(SETTINGS, influence_seeds=2)
    first = replayed(settings, tmp_path)
    again = replayed(settings, tmp_path, never)
    np.testing.assert_array_equal(again.scores, first.scores)


def test_a_recorded_training_is_not_trained_again(tmp_path):
    finished(3, record_folder(tmp_path, 3))

    def only_restored(settings, folder):
        found = training(settings.seed, folder)
        assert found.restore()
        return found, None

    assert np.isfinite(replayed(SETTINGS, tmp_path, only_restored).scores).all()


@pytest.mark.parametrize("lost", [False, True])
def test_a_damaged_record_is_named_and_made_again(tmp_path, capsys, lost):
    folder = record_folder(tmp_path / "damaged", 3)
    finished(3, folder)
    state = folder / "state_00000002.bin"
    if lost:
        state.unlink()
    else:
        state.write_bytes(state.read_bytes()[:-1])
    found = replayed(SETTINGS, tmp_path / "damaged")
    expected = "a gap in its record" if lost else "state_00000002.bin is damaged"
    assert f"{expected}; the training is recorded again" in capsys.readouterr().err
    np.testing.assert_array_equal(found.scores, replayed(SETTINGS, tmp_path / "whole").scores)


def test_a_damaged_result_of_a_seed_is_computed_again(tmp_path, capsys):
    scores = replayed(SETTINGS, tmp_path).scores
    path = tmp_path / "influence_seed3.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    np.testing.assert_array_equal(replayed(SETTINGS, tmp_path).scores, scores)
    assert "influence_seed3.npz is damaged; it is computed again" in capsys.readouterr().err


def test_only_replay_averages_over_seeds():
    with pytest.raises(UserError, match="--influence_seeds=2: only --influence=replay"):
        ClassifySettings(influence="cg", influence_seeds=2)


def test_only_replay_asks_for_smoothness():
    with pytest.raises(UserError, match="--influence_smoothness: only --influence=replay"):
        ClassifySettings(influence="cg", influence_smoothness=True)


@pytest.mark.parametrize("horizon", ["0", "1.5", "half"])
def test_horizons_out_of_range(horizon):
    with pytest.raises(UserError, match=f"--influence_horizon={horizon}"):
        ClassifySettings(influence_horizon=horizon)
