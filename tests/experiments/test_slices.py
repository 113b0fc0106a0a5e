"""An experiment in slices, killed and continued, ends with the bits of one that was never interrupted."""

import json
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from programs import ROOT, run_on_jax, run_program

from experiments.arms import arms_run
from experiments.catalogue.denoising import DATA_DROPOUT
from experiments.catalogue.experiment import Experiment
from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.errors import UserError
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.state import is_finished

SETTINGS = DenoiseSettings(
    depth=3, filters=6, patches_per_image=60, epochs=2, influence_depth=40, influence_repeats=2, influence_batch_size=8
)
TINY = Experiment("tiny", "", {}, DATA_DROPOUT[:3], (0,), 1)


@pytest.fixture(scope="module")
def data():
    return read_data(SETTINGS)


def outcome(folder):
    """Everything that an experiment leaves, but for how long it took."""
    state = json.loads((folder / "state.json").read_text())
    weights = keras.saving.load_model(folder / "round1.keras").get_weights()
    return state["arms"], np.load(folder / "influence.npz")["round 1"], weights


def assert_same_bits(first, second):
    assert first[0] == second[0]
    assert first[0]["round 1"]["influence"]["unfavorable"] == (first[1] > 0).sum()
    np.testing.assert_array_equal(first[1], second[1])
    for one, other in zip(first[2], second[2], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    arms_run(TINY, SETTINGS, data, folder).run(Pace(), {})
    return outcome(folder)


class StopEvery:
    """A pace that saves and stops after a number of steps, in training, influence and testing alike."""

    def __init__(self, steps):
        self._steps = steps
        self.steps = 0

    def after_step(self, save):
        self.steps += 1
        if self.steps == self._steps:
            save()
            raise OutOfTime


def test_slices_give_the_bits_of_the_whole(data, uninterrupted, tmp_path):
    slices = 0
    # A few of one step, then so many that they end within trainings, the parts of the influence computation, and tests.
    for slices in range(1, 400):
        todo = arms_run(TINY, SETTINGS, data, tmp_path)
        try:
            todo.run(StopEvery(1 if slices < 10 else 11), {})
        except OutOfTime:
            continue
        break
    assert is_finished(TINY, todo.state)
    assert slices > 20
    assert len(list(tmp_path.iterdir())) <= 8  # what some machines hand back at most
    assert_same_bits(outcome(tmp_path), uninterrupted)
    assert not (tmp_path / "training.keras").exists()
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * len(TINY.arms)


def check(folder, *flags):
    return ["experiments.run", "--name=check", f"--runs={folder}", *flags]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a process that was killed after the influence computation."""
    folder = tmp_path_factory.mktemp("killed")
    process = subprocess.Popen(
        [sys.executable, "-m", *check(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    for line in process.stdout:
        if b"data dropout, as printed: training" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return folder


def test_a_process_that_is_killed_goes_on(killed, tmp_path):
    whole = run_program(*check(tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    assert "finished" in whole.stdout
    shutil.copytree(killed, tmp_path / "killed")
    again = run_program(*check(tmp_path / "killed"))
    assert again.returncode == 0, again.stderr
    assert "round 1: training" not in again.stdout
    assert_same_bits(outcome(tmp_path / "whole" / "check-seed0"), outcome(tmp_path / "killed" / "check-seed0"))


def test_another_backend_goes_on(killed, tmp_path):
    shutil.copytree(killed, tmp_path / "killed")
    again = run_on_jax(*check(tmp_path / "killed"))
    assert again.returncode == 0, again.stderr
    assert "round 1: training" not in again.stdout
    state = json.loads((tmp_path / "killed" / "check-seed0" / "state.json").read_text())
    assert [each["backend"] for each in state["environments"]] == ["tensorflow", "jax"]
    assert all(arm["finished"] for arm in state["arms"].values())


def test_too_little_time_for_one_step(tmp_path):
    finished = run_program(*check(tmp_path, "--minutes=0"))
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1] == "error: --minutes=0.0: too little time to do one step"


class StopInTraining:
    """A pace that saves after every step, and stops in the middle of a training when so many arms are finished."""

    def __init__(self, folder, arms):
        self._folder, self._arms = folder, arms

    def after_step(self, save):
        save()
        finished = (self._folder / "state.json").read_text().count("finished")
        if finished >= self._arms and (self._folder / "training.keras").exists():
            raise OutOfTime


def interrupted(data, folder, arms=0):
    """Runs an experiment until so many arms are finished, and stops in the middle of the next training."""
    with pytest.raises(OutOfTime):
        arms_run(TINY, SETTINGS, data, folder).run(StopInTraining(folder, arms), {})


def test_a_training_of_another_experiment_is_refused_even_where_the_state_is_lost(data, tmp_path):
    interrupted(data, tmp_path)
    for name in ("state.json", "previous-state.json"):
        (tmp_path / name).unlink(missing_ok=True)
    other = DenoiseSettings(**(vars(SETTINGS) | {"sigma": 15.0}))
    with pytest.raises(UserError, match=r"training.keras belongs to another experiment"):
        arms_run(TINY, other, data, tmp_path).run(Pace(), {})


def test_a_checkpoint_of_another_experiment_is_refused_and_kept(data, tmp_path):
    interrupted(data, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    other = DenoiseSettings(**(vars(SETTINGS) | {"sigma": 15.0}))
    with pytest.raises(UserError, match="belongs to another experiment or version"):
        arms_run(TINY, other, data, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_damaged_files_are_named_and_what_was_in_them_is_made_again(data, uninterrupted, tmp_path, capsys):
    interrupted(data, tmp_path, arms=2)
    names = ("state.json", "round1.keras", "influence.npz")
    for name in names:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    arms_run(TINY, SETTINGS, data, tmp_path).run(Pace(), {})
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    for name, line in zip(names, notes, strict=True):
        assert f"{name} is damaged; " in line
    assert_same_bits(outcome(tmp_path), uninterrupted)


def test_a_state_of_which_nothing_is_whole_is_refused(data, tmp_path):
    interrupted(data, tmp_path)
    for path in tmp_path.glob("*state.json"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        arms_run(TINY, SETTINGS, data, tmp_path)
