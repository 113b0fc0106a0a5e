"""A classification experiment in slices ends with the bits of one that was never interrupted."""

import csv
import dataclasses
import json

import pytest

from experiments.arms import arms_run
from experiments.catalogue.classification import ROUND_1
from experiments.catalogue.experiment import CLASSIFICATION, Experiment
from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.errors import UserError
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.state import is_finished

SETTINGS = ClassifySettings(
    train_samples=60,
    validation_samples=[20],
    activation="relu",
    drop="select_scale",
    augment="flip",
    epochs=2,
    influence_depth=3,
)
ARMS = (
    Arm(ROUND_1, {"drop": "none"}),
    Arm("data dropout, at most 5", round=2, after=ROUND_1, cap=5),
)
FILES = ["influence.npz", "metrics.csv", "previous-state.json", "state.json"]
# Where an influence computation is saved until it has ended.
SAVED = {"cg": "influence_checkpoint.npz", "replay": "records/round_1/replay_seed0.npz"}
TINY = Experiment("tiny", "", {}, ARMS, (0,), 1, CLASSIFICATION)


@pytest.fixture(scope="module")
def data():
    read = read_data(SETTINGS)
    return read._replace(test=tuple(part[:50] for part in read.test))


def outcome(folder):
    """Everything that an experiment leaves, but for how long it took."""
    with open(folder / "metrics.csv", newline="") as file:
        rows = [{**row, "seconds": None, "samples_per_second": None} for row in csv.DictReader(file)]
    return (
        json.loads((folder / "state.json").read_text())["arms"],
        (folder / "influence.npz").read_bytes(),
        rows,
    )


@pytest.fixture(scope="module", params=SAVED)
def settings(request):
    return dataclasses.replace(SETTINGS, influence=request.param)


@pytest.fixture(scope="module")
def uninterrupted(data, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    arms_run(TINY, settings, data, folder).run(Pace(), {})
    return folder


class StopWhere:
    """A pace that saves after every step, and stops once there is a file of some name."""

    def __init__(self, path):
        self._path = path

    def after_step(self, save):
        save()
        if self._path.exists():
            raise OutOfTime


def test_slices_give_the_bits_of_the_whole(data, settings, uninterrupted, tmp_path):
    # In the middle of the influence computation, and of the training after it.
    for name in (SAVED[settings.influence], "influence.npz"):
        todo = arms_run(TINY, settings, data, tmp_path)
        with pytest.raises(OutOfTime):
            todo.run(StopWhere(tmp_path / name), {})
        assert not is_finished(TINY, todo.state)
        assert len(list(tmp_path.iterdir())) <= 8  # what some machines hand back at most
    todo = arms_run(TINY, settings, data, tmp_path)
    todo.run(Pace(), {})
    assert is_finished(TINY, todo.state)
    assert outcome(tmp_path) == outcome(uninterrupted)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_what_the_arms_come_to(uninterrupted):
    first, second = json.loads((uninterrupted / "state.json").read_text())["arms"].values()
    assert (first["images"], first["dropped"]) == (60, 0)
    assert (second["images"], second["dropped"]) == (55, 5)
    assert first["influence"]["unfavorable"] >= 5
    assert second["influence"] is None
    assert first["last"]["epoch"] == 2
    assert 0 <= first["best"]["test_error"] <= first["last"]["test_error"] <= 100


def test_other_settings_of_an_arm_are_refused(data, settings, uninterrupted):
    other = TINY._replace(arms=(ARMS[0], ARMS[1]._replace(settings={"rate": 0.5})))
    with pytest.raises(UserError, match="belongs to another experiment or version"):
        arms_run(other, settings, data, uninterrupted)
    elsewhere = dataclasses.replace(settings, data_dir="elsewhere")
    arms_run(TINY, elsewhere, data, uninterrupted)
