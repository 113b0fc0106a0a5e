"""Slices of seeds and of retrainings, done apart, are put together to what one process finds."""

import dataclasses
import json

import numpy as np
import pytest
from programs import run_program

from benchmarks.replay_validity.bank import Bank
from benchmarks.replay_validity.setups import SETUPS
from tfdrop.checkpoint import Pace
from tfdrop.errors import UserError
from tfdrop.tasks.lock import locked
from tfdrop.tasks.slices import slice_of

RUN = ["train.denoise", "--depth=2", "--filters=2", "--patches_per_image=4", "--epochs=1", "--rounds=1", "--seeds=2"]


def test_slices_share_everything_out():
    slices = [slice_of(range(10), f"{number}/3") for number in (1, 2, 3)]
    assert sorted(item for each in slices for item in each) == list(range(10))
    assert slice_of(range(2), "3/3") == []


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_other_texts_are_refused(text):
    with pytest.raises(UserError, match=f"--slice={text}: expected i/n"):
        slice_of(range(3), text)


def scores(folder):
    result = json.loads((folder / "result.json").read_text())
    return [(run["seed"], run["images"]) for run in result["runs"]], result


def test_seeds_in_slices_are_the_run(tmp_path):
    apart, whole = tmp_path / "apart", tmp_path / "whole"
    flags = [*RUN, f"--workdir={apart}"]
    first = run_program(*flags, "--slice=1/2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    written = {"seed0", "settings.json", "starts_from_seed0.json"}
    assert {path.name for path in apart.iterdir()} == written
    with locked(apart / "seed1"):  # by a slice that is at work
        refused = run_program(*flags, cwd=tmp_path)
    assert refused.returncode == 2
    assert f"error: {apart / 'seed1'}: process " in refused.stderr
    assert not (apart / "result.json").exists()
    commands = [[*flags, "--slice=2/2"], flags, [*RUN, f"--workdir={whole}"]]
    for command in commands:
        finished = run_program(*command, cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
    (found, about), (expected, _) = scores(apart), scores(whole)
    assert found == expected
    assert [start["command"].count("--slice") for start in about["starts"]] == [1, 0, 1, 0]
    assert not list(apart.glob("starts*")) + list(apart.rglob(".lock"))


SCORED = [*RUN[:-2], "--influence=replay", "--influence_seeds=3", "--controls=false"]


def test_replays_from_further_seeds_in_slices_are_the_run(tmp_path):
    apart, whole = tmp_path / "apart", tmp_path / "whole"
    flags = [*SCORED, f"--workdir={apart}"]
    first = run_program(*flags, "--slice=1/2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    records = apart / "records" / "round1"
    assert [path.name for path in records.glob("influence*")] == ["influence_seed1.npz"]
    with locked(records / "seed2_lock"):  # by a slice that is at work
        refused = run_program(*flags, cwd=tmp_path)
    assert refused.returncode == 2
    assert f"error: {records / 'seed2_lock'}: process " in refused.stderr
    for command in ([*flags, "--slice=2/2"], flags, [*SCORED, f"--workdir={whole}"]):
        finished = run_program(*command, cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        if command is flags:
            assert finished.stdout.count("Replaying the training") == 0  # its own was there already
    (found, expected) = (np.load(folder / "influence.npz") for folder in (apart, whole))
    for name in expected.files:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert found["spread"].any()
    assert not (apart / "records").exists()


def test_retrainings_in_slices_are_the_bank(tmp_path):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(12, 8, 8, 3)).astype("float32"), rng.integers(0, 10, 12)
    folders = [tmp_path / "apart", tmp_path / "whole"]
    for folder in folders:
        folder.mkdir()
    setup = dataclasses.replace(SETUPS["gelu_cnn"], epochs=1)
    apart, whole = (Bank(folder, setup, samples, samples, seed=0) for folder in folders)
    for text in ("2/3", "1/3"):  # the third is missing
        apart.train_slice(0.25, 4, text, Pace())
    expected = whole.measures(0.25, 4, Pace())
    known = np.load(folders[0] / "seed0_0.25_slice_1_of_3.npy")
    np.testing.assert_array_equal(known, np.where([[True], [False], [False], [True]], expected, np.nan))
    np.save(folders[0] / "seed0_0.25_slice_1_of_3.npy", known + 1)
    # What is there is not trained again, and what is not, is.
    np.testing.assert_array_equal(apart.measures(0.25, 4, Pace()), np.add(expected, [[1], [0], [0], [1]]))
    apart.train_slice(0.25, 4, "3/3", Pace())
    assert not (folders[0] / "seed0_0.25_slice_3_of_3.npy").exists()  # it is in the bank's own file
