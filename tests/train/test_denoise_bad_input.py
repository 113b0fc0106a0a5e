"""Every bad input ends at once with one line on stderr that names the flag and the value, and status 2."""

import numpy as np
import pytest
import skimage.io
from programs import run_program

from tfdrop.models import DnCNN


@pytest.fixture
def folder(tmp_path):
    """A folder with one good and one truncated image."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48), dtype="uint8")
    for name in ("good", "broken"):
        (tmp_path / name).mkdir()
        skimage.io.imsave(tmp_path / name / "a.png", pixels)
    whole = (tmp_path / "broken" / "a.png").read_bytes()
    (tmp_path / "broken" / "a.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").mkdir()
    return tmp_path


def refuses(folder, *flags):
    """Runs the program in a folder, checks that it refuses, and returns its one line."""
    finished = run_program("train.denoise", *flags, cwd=folder)
    assert finished.returncode == 2, finished.stderr
    assert finished.stdout == ""
    [line] = finished.stderr.splitlines()
    assert line.startswith("error: ")
    assert not (folder / "runs").exists()
    return line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--train_dir=none"], "--train_dir=none: no such folder"),
        (["--test_dir=empty"], "--test_dir=empty: the folder has no images"),
        (["--validation_dir=broken"], "--validation_dir=broken: cannot read image a.png"),
        (["--train_dir=good", "--patch_size=40"], "--patch_size=40: image a is 32x48, smaller than a 40x40 patch"),
        (["--sigma=-1"], "--sigma=-1.0: expected more than 0"),
        (["--sigma=1e30"], "--sigma=1e+30: expected at most 255"),
        (["--seed=5000000000"], "--seed=5000000000: expected at most 4294967295"),
        (["--crop_size=10"], "--crop_size=10: smaller than --patch_size=24"),
        (["--influence_damping=inf"], "--influence_damping=inf: expected a finite number"),
        (["--learning_rate_drops=-3"], "--learning_rate_drops=-3: expected at least 1"),
        (["--sigma=nan"], "--sigma=nan: expected a finite number"),
        (["--sigma=loud"], "--sigma=loud: expected a number, or two that rise as in 0,55"),
        (["--sigma=5,3"], "--sigma=5.0,3.0: expected a number, or two that rise as in 0,55"),
        (["--sigma=0,300"], "--sigma=0.0,300.0: expected at most 255"),
        (["--channels=2"], "--channels=2: expected one of 1, 3"),
        (["--depth=1"], "--depth=1: expected at least 2"),
        (["--recipe=dncnn_s52"], "--recipe=dncnn_s52: unknown; did you mean dncnn_s25?"),
        (["--recipe=dncnn_s25"], "--train_dir=Train400: no such folder"),
        (["--max_drop_share=1.5"], "--max_drop=1.5: expected a share up to 1 or a whole number"),
        (["--influence_damping=-2"], "--influence_damping=-2: expected a finite number of at least 0, or auto"),
        (["--influence_damping=some"], "--influence_damping=some"),
        (["--influence_curvature=fisher"], "--influence_curvature=fisher: expected one of gauss_newton, hessian"),
        (["--learning_rate_drops=3,x"], "--learning_rate_drops=3,x: expected integers"),
        (["--no_such_flag=1"], "no_such_flag"),
        (["denoise"], "unexpected argument 'denoise'"),
        (["--weights=model.h5"], "--weights=model.h5: goes with --evaluate_only"),
        (["--evaluate_only"], "--weights=: goes with --evaluate_only"),
        (["--evaluate_only", "--weights=model.h5"], "--weights=model.h5: no such file"),
        (["--workdir=good"], "--workdir=good: the folder is not empty and holds no run"),
        (["--workdir=good/a.png"], "--workdir=good/a.png"),
    ],
)
def test_refused_in_one_line(folder, flags, message):
    assert message in refuses(folder, *flags)


def test_tiny_test_image(folder):
    skimage.io.imsave(folder / "empty" / "tiny.png", np.zeros((6, 9), "uint8"), check_contrast=False)
    assert "--test_dir=empty: image tiny is 6x9" in refuses(folder, "--test_dir=empty")


def test_weights_of_another_depth(folder):
    DnCNN(depth=4, filters=2).save(folder / "model.h5")
    line = refuses(folder, "--evaluate_only", "--weights=model.h5", "--depth=17")
    assert "--weights=model.h5: depth 4, but --depth=17" in line


@pytest.mark.parametrize("name", ["dense.h5", "dense.keras", "colour.h5", "colour.keras"])
def test_weights_of_another_network(folder, name):
    import keras

    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    (dense if name.startswith("dense") else DnCNN(depth=3, filters=2, channels=3)).save(folder / name)
    line = refuses(folder, "--evaluate_only", f"--weights={name}")
    assert line.startswith(f"error: --weights={name}: ")


def test_workdir_of_another_run_keeps_everything(folder):
    run = folder / "run"
    run.mkdir()
    (run / "settings.json").write_text('{"sigma": 15.0}')
    (run / "round1.keras").write_text("hours of training")
    assert "--workdir=run: holds a run with other flags" in refuses(folder, "--workdir=run")
    assert (run / "round1.keras").read_text() == "hours of training"
    assert (run / "settings.json").read_text() == '{"sigma": 15.0}'
