"""The denoising program with controls and several seeds, as the classification program has them."""

import json

import keras
import numpy as np
import pytest
from programs import run_program

from tfdrop.data.images.photographs import TEST

FLAGS = ("--patches_per_image=8", "--epochs=2", "--batch_size=1", "--depth=3", "--filters=6", "--influence_depth=30")


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "seeds"
    finished = run_program("train.denoise", *FLAGS, "--max_drop=2", "--seeds=2", f"--workdir={workdir}")
    assert finished.returncode == 0, finished.stderr
    return workdir, finished.stdout, json.loads((workdir / "result.json").read_text())


def test_each_seed_has_rounds_and_the_controls_that_tell_something(finished_run):
    workdir, _, result = finished_run
    assert [run["seed"] for run in result["runs"]] == [0, 1]
    assert result["runs"][0]["rounds"][0]["dropped"] == 2
    for run in result["runs"]:
        first, second = run["rounds"]
        dropped = min(2, first["influence"]["unfavorable"])
        assert (first["patches"], first["dropped"], second["patches"]) == (64, dropped, 64 - dropped)
        random = {"name": "random drop", "patches": 64 - dropped}
        assert run["controls"] == [{"name": "full set", "patches": 64}, random]
        names = {path.name for path in (workdir / f"seed{run['seed']}").iterdir()}
        assert names >= {"round1.keras", "round2.keras", "full_set.keras", "influence.npz"}
        assert ("random_drop.keras" in names) == (dropped > 0)  # else it is round 2
        assert not names & {"state.json", "influence_scores.npz", "training.keras"}


def test_controls_are_trainings_of_their_own(finished_run):
    workdir, _, _ = finished_run
    kernels = [keras.saving.load_model(path).get_weights()[0] for path in sorted((workdir / "seed0").glob("*.keras"))]
    assert len(kernels) == 4
    for at, kernel in enumerate(kernels):
        assert all(np.abs(kernel - other).max() > 0 for other in kernels[:at])


def test_means_and_deviations_over_the_seeds_are_those_of_the_images(finished_run):
    _, out, result = finished_run
    lines = out.splitlines()
    for method in ("noisy", "round 1", "round 2", "full set"):
        averages = [np.mean([image["scores"][method]["psnr"] for image in run["images"]]) for run in result["runs"]]
        expected = f"  {method}: {np.mean(averages):.3f} ± {abs(averages[0] - averages[1]) / np.sqrt(2):.3f}"
        assert expected in lines
    assert [image["name"] for image in result["runs"][1]["images"]] == list(TEST)


def test_former_names_of_flags_and_former_folders_work(finished_run, tmp_path):
    one = run_program("train.denoise", *FLAGS, "--rounds=1", "--max_drop_share=0.5", f"--workdir={tmp_path / 'run'}")
    assert one.returncode == 0, one.stderr
    assert "note: --max_drop_share is now --max_drop; the old name will go" in one.stderr.splitlines()
    path = tmp_path / "run" / "settings.json"
    settings = json.loads(path.read_text())
    assert settings["max_drop"] == 0.5
    # What an earlier release wrote.
    for name in ("controls", "seeds", "count_last", "max_drop", "mixed_precision"):
        del settings[name]
    path.write_text(json.dumps(settings | {"max_drop_share": 0.5, "precision": "float32"}))
    again = run_program("train.denoise", *FLAGS, "--rounds=1", "--max_drop=0.5", f"--workdir={tmp_path / 'run'}")
    assert again.returncode == 0, again.stderr
    where, _, report = again.stdout.partition("\n")
    assert where.startswith("This run is in ")
    assert one.stdout.endswith(report)
    other = run_program("train.denoise", *FLAGS, "--rounds=1", "--max_drop=0.25", f"--workdir={tmp_path / 'run'}")
    assert "max_drop is 0.5 there, 0.25 here" in other.stderr
