"""Two runs of one seed have the same bits, with deterministic kernels or without, and say what they ran with and on."""

import csv
import json
import zipfile

import numpy as np
import pytest
from programs import run_commands

from tfdrop.environment import versions

DENOISING = (
    "--depth=2",
    "--filters=2",
    "--patches_per_image=6",
    "--epochs=2",
    "--influence_depth=3",
    "--deterministic",
    "--nocontrols",
)
CLASSIFICATION = (
    "--train_samples=24",
    "--batch_size=8",
    "--epochs=2",
    "--rounds=1",
    "--validation_samples=20",
    "--seed=3",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two finished runs of each program, by its name."""
    folder = tmp_path_factory.mktemp("twice")
    programs = {"denoise": DENOISING, "classify": CLASSIFICATION}
    commands = [
        [f"train.{program}", *flags, f"--workdir={folder / program}{number}"]
        for program, flags in programs.items()
        for number in (1, 2)
    ]
    for status, _, err in run_commands(commands, folder, preloaded=("tensorflow", "keras")):
        assert status == 0, err
    return {program: [folder / f"{program}{number}" for number in (1, 2)] for program in programs}


def saved_weights(path):
    """The bytes of a saved network's weights; the archive around them has the time."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


@pytest.mark.parametrize("program", ["denoise", "classify"])
def test_two_runs_of_one_seed_have_the_same_bits(folders, program):
    one, two = folders[program]
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    for name in names:
        if name.endswith(".keras"):
            assert saved_weights(one / name) == saved_weights(two / name)
        if name.endswith(".npz"):
            first, second = np.load(one / name), np.load(two / name)
            for key in first.files:
                np.testing.assert_array_equal(first[key], second[key])
    rows = [list(csv.DictReader((folder / "metrics.csv").read_text().splitlines())) for folder in (one, two)]
    for row in [*rows[0], *rows[1]]:
        assert float(row.pop("seconds")) > 0
        assert float(row.pop("samples_per_second")) > 0
    assert rows[0] == rows[1]
    assert any(name.endswith(".keras") for name in names)


@pytest.mark.parametrize(("program", "seed"), [("denoise", 0), ("classify", 3)])
def test_the_result_says_what_it_was_computed_with(folders, program, seed):
    result = json.loads((folders[program][0] / "result.json").read_text())
    assert result["seeds"] == [seed]
    [start] = result["starts"]
    assert start["versions"] == versions()
    assert start["versions"]["numpy"] == np.__version__
    assert f"--workdir={folders[program][0]}" in start["command"]
    assert start["devices"] == ["cpu:0"]
    assert 0 < start["seconds"] == result["seconds_since_last_start"] < 600
    assert {"time", "host", "machine", "backend", "commit"} <= start.keys()
