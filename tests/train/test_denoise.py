"""The denoising program from end to end, on its embedded photographs."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from programs import run_on_jax, run_program
from skimage.metrics import peak_signal_noise_ratio
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfdrop.data.images.photographs import TEST, TRAINING, VALIDATION, photographs

SMALL = ("--patches_per_image=8", "--epochs=2", "--depth=3", "--filters=6", "--influence_depth=30", "--batch_size=1")
SMALL += ("--nocontrols",)


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "small"
    finished = run_program("train.denoise", *SMALL, "--max_drop_share=0.25", f"--workdir={workdir}")
    assert finished.returncode == 0, finished.stderr
    return workdir, finished.stdout


def test_prints_progress_and_the_table(finished_run):
    _, out = finished_run
    lines = out.splitlines()
    assert "\r" not in out
    for phase in (
        "round 1: training",
        "Validation gradient",
        "Solving (LiSSA)",
        "round 2: training",
    ):
        assert any(line.startswith(phase) and "s left" in line for line in lines), phase
    assert any(line.startswith("Scoring samples: 64/64") for line in lines)
    assert any("unfavorable (influence > 0)" in line for line in lines)
    for name in (*TEST, "average"):
        assert len([line for line in lines if line.startswith(name + " ")]) == 1


def test_writes_what_it_promises(finished_run):
    workdir, _ = finished_run
    names = {path.name for path in workdir.iterdir()}
    assert names == {
        *(f"comparison_{name}.png" for name in TEST),
        *("settings.json", "metrics.csv", "result.json", "round1.keras", "round2.keras", "tensorboard"),
        *("influence.npz", "influence.png", "unfavorable.png", "dropped.csv", "report.html"),
    }
    assert json.loads((workdir / "settings.json").read_text())["patches_per_image"] == 8
    with open(workdir / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["training"], row["epoch"]) for row in rows] == [
        *[("round 1", "1"), ("round 1", "2"), ("round 2", "1"), ("round 2", "2")]
    ]
    for round in (1, 2):
        events = EventAccumulator(str(workdir / "tensorboard" / f"round_{round}")).Reload()
        recorded = [(event.step, event.value) for event in events.Scalars("loss")]
        expected = [(int(row["epoch"]), float(row["loss"])) for row in rows if row["training"] == f"round {round}"]
        np.testing.assert_allclose(recorded, expected, rtol=1e-6)
        noted = [float(row["validation_psnr"]) for row in rows if row["training"] == f"round {round}"]
        np.testing.assert_allclose([event.value for event in events.Scalars("validation_psnr")], noted, rtol=1e-6)
        assert noted[-1] == pytest.approx(validation_psnr(workdir / f"round{round}.keras"), abs=1e-3)


def validation_psnr(path):
    """Returns the mean PSNR of a saved model on the validation photographs, each with noise of its own."""
    model, found = keras.saving.load_model(path), []
    for seed, image in enumerate(photographs(VALIDATION), start=1):
        noise = np.random.RandomState(seed).normal(0, 25 / 255, image.pixels.shape)
        output = np.asarray(model((image.pixels + noise).astype("float32")[None, ..., None]))[0, ..., 0]
        rounded = np.round(np.clip(output, 0, 1) * 255) / 255
        found.append(peak_signal_noise_ratio(image.pixels.astype("float64"), rounded, data_range=1))
    return np.mean(found)


def test_influence_table_tells_which_patches_were_dropped(finished_run):
    workdir, _ = finished_run
    table = np.load(workdir / "influence.npz")
    result = json.loads((workdir / "result.json").read_text())
    first, second = result["rounds"]
    assert table["index"].tolist() == list(range(64))
    assert table["image"].tolist() == [name for name in TRAINING for _ in range(8)]
    for image in photographs(TRAINING):
        chosen = table["image"] == image.name
        assert (table["top"][chosen] <= image.pixels.shape[0] - 24).all()
        assert (table["left"][chosen] <= image.pixels.shape[1] - 24).all()
    positive = table["influence"] > 0
    assert first["influence"]["unfavorable"] == positive.sum()
    assert first["dropped"] == (~table["kept"]).sum() == min(positive.sum(), 16)
    assert (table["dropped_after_round"] == np.where(table["kept"], 0, 1)).all()
    assert first["dropped"] > 0
    assert table["influence"][~table["kept"]].min() >= table["influence"][table["kept"]].max()
    assert second["patches"] == 64 - first["dropped"]
    assert 0 <= first["influence"]["residual"] < 1
    assert first["influence"]["converged"] == (first["influence"]["residual"] <= 0.05)


def test_scores_are_those_of_the_saved_model(finished_run):
    workdir, _ = finished_run
    model = keras.saving.load_model(workdir / "round2.keras")
    for entry, image in zip(
        json.loads((workdir / "result.json").read_text())["images"], photographs(TEST), strict=True
    ):
        noise = np.random.RandomState(0).normal(0, 25 / 255, image.pixels.shape)
        noisy = (image.pixels + noise).astype("float32")
        output = np.asarray(model(noisy[None, ..., None]))[0, ..., 0]
        rounded = np.round(np.clip(output, 0, 1) * 255) / 255
        expected = peak_signal_noise_ratio(image.pixels.astype("float64"), rounded, data_range=1)
        assert entry["scores"]["round 2"]["psnr"] == pytest.approx(expected, abs=1e-3)


def test_a_finished_run_prints_its_report_again(finished_run):
    workdir, out = finished_run
    again = run_program("train.denoise", *SMALL, "--max_drop_share=0.25", f"--workdir={workdir}")
    assert again.returncode == 0
    assert "training" not in again.stdout
    where, _, report = again.stdout.partition("\n")
    assert where.startswith("This run is in ")
    assert out.endswith(report)


def test_an_interrupted_run_goes_on_to_the_same_result(finished_run, tmp_path):
    workdir, _ = finished_run
    shutil.copytree(workdir, tmp_path / "run")
    for name in ("result.json", "round2.keras"):
        (tmp_path / "run" / name).unlink()
    again = run_program("train.denoise", *SMALL, "--max_drop_share=0.25", f"--workdir={tmp_path / 'run'}")
    assert again.returncode == 0, again.stderr
    assert "round 1: going on from" in again.stdout
    first, second = (json.loads((path / "result.json").read_text()) for path in (workdir, tmp_path / "run"))
    assert [round["patches"] for round in first["rounds"]] == [round["patches"] for round in second["rounds"]]
    for before, after in zip(first["images"], second["images"], strict=True):
        assert after["scores"]["round 1"] == before["scores"]["round 1"]
        assert after["scores"]["round 2"] == before["scores"]["round 2"]
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 5


def test_augmentation_begins_with_the_round_it_is_told_to(finished_run, tmp_path):
    workdir, _ = finished_run
    flags = (*SMALL, "--max_drop_share=0.25", "--augment_from_round=0")
    assert run_program("train.denoise", *flags, f"--workdir={tmp_path / 'run'}").returncode == 0
    with_it, without = (
        json.loads((path / "result.json").read_text())["images"][0]["scores"] for path in (workdir, tmp_path / "run")
    )
    assert with_it["round 1"] == without["round 1"]
    assert with_it["round 2"] != without["round 2"]


def test_evaluates_saved_weights_on_a_folder(finished_run, tmp_path):
    import skimage.io

    workdir, _ = finished_run
    (tmp_path / "images").mkdir()
    [image] = photographs(["camera"])
    skimage.io.imsave(tmp_path / "images" / "cameraman.png", np.round(image.pixels * 255).astype("uint8"))
    flags = ("--evaluate_only", f"--weights={workdir / 'round2.keras'}", f"--test_dir={tmp_path / 'images'}")
    finished = run_program("train.denoise", *flags, f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    trained = json.loads((workdir / "result.json").read_text())["images"][0]
    [entry] = json.loads((tmp_path / "run" / "result.json").read_text())["images"]
    assert (trained["name"], entry["name"]) == ("camera", "cameraman")
    assert entry["scores"]["weights"] == pytest.approx(trained["scores"]["round 2"], abs=1e-4)


def test_trains_on_from_given_weights(finished_run, tmp_path):
    workdir, _ = finished_run
    flags = (*SMALL, "--rounds=1", f"--weights={workdir / 'round1.keras'}", "--epochs=1")
    scores = {}
    for rate in ("1e-9", "1e-3"):
        finished = run_program("train.denoise", *flags, f"--learning_rate={rate}", f"--workdir={tmp_path / rate}")
        assert finished.returncode == 0, finished.stderr
        result = json.loads((tmp_path / rate / "result.json").read_text())
        scores[rate] = [image["scores"]["round 1"] for image in result["images"]]
    given = json.loads((workdir / "result.json").read_text())
    expected = [image["scores"]["round 1"] for image in given["images"]]
    for found, theirs in zip(scores["1e-9"], expected, strict=True):
        assert found == pytest.approx(theirs, abs=2e-3)
    assert scores["1e-3"] != scores["1e-9"]
    tuned = keras.saving.load_model(tmp_path / "1e-3" / "round1.keras", compile=False)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in tuned.layers)


def test_a_solve_that_diverges_is_one_line_and_keeps_the_first_round(tmp_path):
    workdir = tmp_path / "run"
    flags = ("--influence_curvature=hessian", "--influence_damping=0", "--influence_depth=10")
    finished = run_program("train.denoise", *SMALL, "--epochs=1", *flags, f"--workdir={workdir}")
    assert finished.returncode == 2
    line = finished.stderr.splitlines()[-1]
    assert line.startswith("error: --influence_damping=0: The hessian has eigenvalues from -")
    assert "gauss_newton" in line
    assert "Traceback" not in finished.stderr
    assert (workdir / "round1.keras").exists()


def test_runs_on_jax_without_tensorflow(tmp_path):
    finished = run_on_jax("train.denoise", *SMALL, f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["backend"] == "jax"
    assert np.isfinite([image["scores"]["round 2"]["psnr"] for image in result["images"]]).all()
