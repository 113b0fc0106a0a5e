from dataclasses import dataclass

import pytest

from tfdrop.errors import UserError
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.run_folder import recorded_settings
from tfdrop.tasks.workdir import Workdir

INPUTS = {"images": "0123"}


@dataclass(frozen=True)
class Settings:
    sigma: float = 25.0
    drops: tuple = (1, 2)
    workdir: str = ""


def test_the_same_run_comes_back_and_another_is_refused(tmp_path):
    workdir = Workdir(tmp_path / "run", Settings(drops=[1, 2]), INPUTS)
    workdir.write_json("result.json", {"psnr": 1.5})
    again = Workdir(tmp_path / "run", Settings(drops=[1, 2], workdir="elsewhere"), INPUTS)
    assert again.read_json("result.json") == {"psnr": 1.5}
    before = sorted(path.read_bytes() for path in workdir.path.iterdir())
    with pytest.raises(UserError, match=r"--workdir=.*run: holds a run with other flags \(sigma is 25.0 there, 15"):
        Workdir(tmp_path / "run", Settings(sigma=15.0, drops=[1, 2]), INPUTS)
    with pytest.raises(UserError, match="inputs is"):
        Workdir(tmp_path / "run", Settings(drops=[1, 2]), {"images": "4567"})
    assert sorted(path.read_bytes() for path in workdir.path.iterdir()) == before


def test_where_images_are_held_is_not_part_of_a_run_and_older_runs_held_them_in_memory(tmp_path):
    settings = ClassifySettings(in_memory="auto")
    workdir = Workdir(tmp_path / "run", settings, INPUTS)
    Workdir(tmp_path / "run", ClassifySettings(in_memory="always"), INPUTS)
    there = workdir.read_json("settings.json")
    assert recorded_settings(there, "").in_memory == "auto"
    del there["in_memory"]
    workdir.write_json("settings.json", there)
    Workdir(tmp_path / "run", ClassifySettings(in_memory="always"), INPUTS)
    assert recorded_settings(there, "").in_memory == "always"


def test_networks_of_older_runs_had_the_activation_of_the_papers(tmp_path):
    relu = ClassifySettings(activation="relu")
    workdir = Workdir(tmp_path / "run", relu, INPUTS)
    there = workdir.read_json("settings.json")
    del there["activation"]
    workdir.write_json("settings.json", there)
    Workdir(tmp_path / "run", relu, INPUTS)
    assert recorded_settings(there, "").activation == "relu"
    assert relu != ClassifySettings()
    with pytest.raises(UserError, match="activation is 'relu' there"):
        Workdir(tmp_path / "run", ClassifySettings(), INPUTS)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not empty and holds no run"):
        Workdir(tmp_path, Settings(), INPUTS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_and_damaged_settings(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--workdir="):
        Workdir(tmp_path / "file", Settings(), INPUTS)
    (tmp_path / "run").mkdir()
    for damaged in ("{", "[]", "null"):
        (tmp_path / "run" / "settings.json").write_text(damaged)
        with pytest.raises(UserError, match="--workdir="):
            Workdir(tmp_path / "run", Settings(), INPUTS)


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path):
    workdir = Workdir(tmp_path / "run", Settings(), INPUTS)
    workdir.write("table.csv", lambda path: path.write_text("whole"))

    def fail(path):
        path.write_text("ha")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        workdir.write("table.csv", fail)
    assert (workdir.path / "table.csv").read_text() == "whole"
    assert workdir.exists("table.csv")
