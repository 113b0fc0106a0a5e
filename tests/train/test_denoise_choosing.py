"""The denoising program where trainings choose how many patches weigh less."""

import json

import numpy as np
from programs import run_program
from skimage.io import imsave

FLAGS = ("--patches_per_image=4", "--epochs=1", "--batch_size=4", "--depth=2", "--filters=4", "--influence_depth=20")


def test_trials_choose_and_the_report_says_why(tmp_path):
    rng = np.random.default_rng(0)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(4):
        pixels = np.clip(128 + 20 * rng.normal(size=(32, 32)).cumsum(0), 0, 255).astype("uint8")
        imsave(images / f"{number}.png", pixels, check_contrast=False)
    folders = (f"--validation_dir={images}", f"--test_dir={images}")
    choosing = ("--max_drop=auto", "--trial_seeds=2", "--drop_weight=0.5")
    finished = run_program("train.denoise", *FLAGS, *folders, *choosing, f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    choice = result["choice"]
    first, second = result["rounds"]
    assert choice["dropped"][0] == 0
    assert choice["dropped"][-1] == first["influence"]["unfavorable"]
    assert np.shape(choice["held_out"]) == (len(choice["dropped"]), 2)
    assert choice["images"] == ["1", "3"]
    assert choice["cap"] == first["dropped"]
    assert first["drop_weight"] == 0.5
    assert second["patches"] == first["patches"]
    assert "images that no score comes from, 1, 3, mean of 2 trainings" in finished.stdout
    assert f"{first['dropped']} given the weight 0.5." in finished.stdout
    assert "choosing how many to drop" in finished.stdout
    assert {path.name for path in (tmp_path / "run").glob("*.keras")} == {
        *("round1.keras", "round2.keras", "full_set.keras"),
        *(["random_drop.keras"] if first["dropped"] else []),
    }
