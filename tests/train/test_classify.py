"""The classification program from end to end, on scikit-learn's digits."""

import csv
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import PIL.Image
import pytest
from html_tables import Page
from programs import ROOT, run_commands, run_on_jax, run_program
from sklearn.metrics import top_k_accuracy_score

from tfdrop.classifier import load_classifier
from tfdrop.data.preprocessing.standardization import Standardization
from tfdrop.data.sets.image_set import save_image_set
from tfdrop.data.sets.named import load_image_set
from tfdrop.data.sets.splits import split_for_validation
from tfdrop.tasks.classification import run as classification_run
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.workdir import Workdir

SMALL = ("--train_samples=192", "--epochs=2", "--max_drop=10", "--drop_until_round=1", "--validation_samples=100")


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "small"
    finished = run_program("train.classify", *SMALL, f"--workdir={workdir}")
    assert finished.returncode == 0, finished.stderr
    return workdir, finished.stdout


@pytest.fixture(scope="module")
def result(finished_run):
    return json.loads((finished_run[0] / "result.json").read_text())


def test_prints_progress_and_the_table(finished_run):
    lines = finished_run[1].splitlines()
    phases = ("round 1: training", "Measuring the validation set", "Replaying the training")
    for phase in (*phases, "round 2: training", "full set: training"):
        assert any(line.startswith(phase) for line in lines), phase
    assert any("are unfavorable (influence > 0), 10 dropped." in line for line in lines)
    for name, images in {"round 1": 192, "round 2": 182, "full set": 192, "random drop": 182}.items():
        assert len([line for line in lines if line.startswith(name + " ") and line.split()[2] == str(images)]) == 1


def test_writes_what_it_promises(finished_run):
    workdir, _ = finished_run
    trainings = ["round 1", "round 2", "full set", "random drop"]
    assert {path.name for path in workdir.iterdir()} == {
        *(f"{name.replace(' ', '_')}.keras" for name in trainings),
        *("settings.json", "metrics.csv", "result.json", "preprocessing.npz", "classifier.keras", "tensorboard"),
        *("influence.npz", "influence.png", "unfavorable.png", "dropped.csv", "report.html"),
    }
    settings = json.loads((workdir / "settings.json").read_text())
    assert (settings["rate"], settings["top_rate"], settings["placement"]) == (0.9, 0.2, "every_convolution")
    with open(workdir / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["training"], row["epoch"]) for row in rows] == [(name, str(at)) for name in trainings for at in (1, 2)]


def test_errors_are_those_of_the_last_and_of_the_best_epoch(finished_run, result):
    with open(finished_run[0] / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    [run] = result["runs"]
    for training in run["trainings"]:
        errors = [float(row["test_error"]) for row in rows if row["training"] == training["name"]]
        assert training["last"]["test_error"] == errors[-1]
        assert training["best"]["test_error"] == min(errors)
        assert errors[training["best"]["epoch"] - 1] == min(errors)


def test_errors_are_those_of_the_saved_network(finished_run, result):
    workdir, _ = finished_run
    network = keras.saving.load_model(workdir / "round_2.keras")
    with np.load(workdir / "preprocessing.npz") as file:
        preprocess = Standardization(file["mean"], file["deviation"])
        assert str(file["kind"]) == "Standardization"
    x, y = load_image_set("digits").test
    answers = network.predict(preprocess(x), verbose=0)
    last = result["runs"][0]["trainings"][1]["last"]
    assert last["test_error"] == pytest.approx(100 * np.mean(answers.argmax(1) != y))
    assert last["test_top5_error"] == pytest.approx(100 - 100 * top_k_accuracy_score(y, answers, k=5))


def test_influence_table_tells_which_images_were_dropped(finished_run, result):
    table = influence_table(finished_run[0])
    [found] = result["runs"][0]["influence"]
    digits = load_image_set("digits")
    split = split_for_validation(digits, 100, seed=0)
    assert set(table["index"]) <= set(split.samples)
    assert (table["label"] == digits.train[1][table["index"]]).all()
    assert found["unfavorable"] == (table["influence"] > 0).sum()
    assert found["dropped"] == (~table["kept"]).sum() == 10
    for name, dropped, images in found["dropped_by_class"]:
        of_class = table["label"] == int(name)
        assert (dropped, images) == ((of_class & ~table["kept"]).sum(), of_class.sum())
    assert sum(dropped for _, dropped, _ in found["dropped_by_class"]) == 10
    assert (table["dropped_after_round"] == np.where(table["kept"], 0, 1)).all()
    assert table["influence"][~table["kept"]].min() >= table["influence"][table["kept"]].max()
    assert found["measure"] == "expected_error"
    assert 0 < found["horizon"] <= 1


def test_the_list_of_images_says_what_the_first_network_takes_them_for(finished_run):
    workdir, _ = finished_run
    table = influence_table(workdir)
    with open(workdir / "dropped.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["decision"] for row in rows] == ["dropped"] * 10 + ["kept"] * (len(rows) - 10)
    assert {int(row["index"]) for row in rows[:10]} == set(table["index"][~table["kept"]])
    of_index = dict(zip(table["index"], table["influence"], strict=True))
    influences = [float(row["influence"]) for row in rows]
    np.testing.assert_allclose(influences, [of_index[int(row["index"])] for row in rows], rtol=1e-4, atol=1e-12)
    x, y = load_image_set("digits").train
    chosen = [int(row["index"]) for row in rows]
    with np.load(workdir / "preprocessing.npz") as file:
        preprocess = Standardization(file["mean"], file["deviation"])
    logits = keras.saving.load_model(workdir / "round_1.keras").predict(preprocess(x[chosen]), verbose=0)
    assert [row["label"] for row in rows] == [str(label) for label in y[chosen]]
    assert [row["predicted"] for row in rows] == [str(label) for label in logits.argmax(1)]
    expected = np.exp(logits.max(1)) / np.exp(logits).sum(1)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected, rtol=1e-4)


def test_the_run_classifies_image_files(finished_run, tmp_path):
    workdir, _ = finished_run
    x, _ = load_image_set("digits").test
    for number in range(5):
        PIL.Image.fromarray(x[number, ..., 0]).save(tmp_path / f"{number}.png")
    answers = load_classifier(workdir).classify([tmp_path / f"{number}.png" for number in range(5)])
    with np.load(workdir / "preprocessing.npz") as file:
        preprocess = Standardization(file["mean"], file["deviation"])
    logits = keras.saving.load_model(workdir / "round_2.keras").predict(preprocess(x[:5]), verbose=0)
    assert [answer.name for answer in answers] == [str(place) for place in logits.argmax(1)]
    probabilities = np.exp(logits.max(1)) / np.exp(logits).sum(1)
    np.testing.assert_allclose([answer.probability for answer in answers], probabilities, rtol=1e-4)
    finished = run_program("train.predict", f"--run={workdir}", f"--images={tmp_path}")
    assert finished.returncode == 0, finished.stderr
    lines = [line.split() for line in finished.stdout.splitlines()]
    assert lines == [[a.file, a.name, f"{a.probability:.1%}"] for a in answers]


def test_the_page_has_the_numbers_of_the_result(finished_run, result):
    page = Page((finished_run[0] / "report.html").read_text())
    [run] = result["runs"]
    rows = {row[0]: row for row in page.tables["Test error (%)"]}
    for training in run["trainings"]:
        cells = rows[training["name"]]
        assert cells[1] == str(training["images"])
        assert cells[2].split()[0] == f"{training['last']['test_error']:.2f}"
    found = run["influence"][0]["unfavorable"]
    assert dict(page.tables["Round 1"])["Unfavorable (influence above 0)"].split()[0] == str(found)
    assert result["starts"][-1]["machine"] in page.text


def test_a_finished_run_prints_its_report_again_without_waiting_for_keras(finished_run):
    workdir, printed = finished_run
    say = "import runpy, sys; runpy.run_module('train.classify', run_name='__main__')"
    command = [sys.executable, "-X", "importtime", "-c", say, *SMALL, f"--workdir={workdir}"]
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    where, _, report = again.stdout.partition("\n")
    assert where == f"This run is in {workdir}"
    assert printed.endswith(report)
    assert "Round 1: of " in report
    imported = {
        line.rpartition("|")[2].strip() for line in again.stderr.splitlines() if line.startswith("import time:")
    }
    assert "tfdrop.tasks.classification.report" in imported
    assert not {"keras", "tensorflow", "jax", "matplotlib"} & imported


def test_programs_draw_figures_and_the_page_again(finished_run, tmp_path):
    workdir, _ = finished_run
    pages = [[], [f"--workdir={workdir}", f"--out={tmp_path / 'a.html'}"], [f"--workdir={tmp_path}"]]
    figures = [["--list"], ["curves", f"--workdir={workdir}", f"--out={tmp_path / 'a.png'}"], ["curvs"], ["a", "b"]]
    commands = [["train.report", *flags] for flags in pages] + [["train.figures", *flags] for flags in figures]
    nothing, page, missing, listed, figure, unknown, two = run_commands(commands, preloaded=["tfdrop.tasks.page"])
    assert (nothing[0], missing[0], unknown[0], two[0]) == (2, 2, 2, 2)
    assert nothing[2].startswith("error: --workdir: expected the folder of a finished run")
    assert f"error: --workdir={tmp_path}: {tmp_path}: holds no finished run" in missing[2]
    assert "curves" in unknown[2]
    assert "unexpected argument 'b'" in two[2]
    assert page[1] == f"The page: {tmp_path / 'a.html'}\n"
    assert (
        Page((tmp_path / "a.html").read_text()).tables.keys()
        == Page((workdir / "report.html").read_text()).tables.keys()
    )
    assert "FocusedDropout, Fig. 5" in listed[1]
    assert figure[0] == 0, figure[2]
    with PIL.Image.open(tmp_path / "a.png") as image:
        assert image.width > image.height


def test_an_interrupted_run_goes_on_to_the_same_result(finished_run, result, tmp_path, capsys):
    workdir, _ = finished_run
    shutil.copytree(workdir, tmp_path / "run")
    for name in ("result.json", "random_drop.keras", "influence.npz"):
        (tmp_path / "run" / name).unlink()
    fields = json.loads((workdir / "settings.json").read_text())
    settings = ClassifySettings(**{name: value for name, value in fields.items() if name != "inputs"})
    data = read_data(settings)
    classification_run.run(settings, data, Workdir(tmp_path / "run", settings, fields["inputs"]), {})
    out = capsys.readouterr().out
    assert "round 2: going on from" in out
    assert "round 2: training" not in out
    [before], [after] = result["runs"], json.loads((tmp_path / "run" / "result.json").read_text())["runs"]
    assert after["trainings"] == before["trainings"]
    # Computed anew, in another process: on a busy machine TensorFlow's threads may sum in another order.
    before, after = (influence_table(path)["influence"] for path in (workdir, tmp_path / "run"))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.nanmax(np.abs(before)))


def influence_table(workdir):
    with open(workdir / "influence.npz", "rb") as raw, np.load(raw) as file:
        return dict(file)


def test_runs_on_jax_without_tensorflow(tmp_path):
    digits = load_image_set("digits")
    few = digits._replace(
        names=None,  # of all the images, which the few do not have
        train=tuple(part[:64] for part in digits.train),
        test=tuple(part[:64] for part in digits.test),
    )
    save_image_set(tmp_path / "few.npz", few)
    flags = (f"--data_dir={tmp_path}", "--dataset=few", "--rounds=1", "--validation_samples=0", "--epochs=1")
    flags += ("--drop=none",)
    finished = run_on_jax("train.classify", *flags, "--seeds=2", f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["backend"] == "jax"
    assert [run["seed"] for run in result["runs"]] == [0, 1]
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"seed0", "seed1"}
    assert "Means and standard deviations of 2 seeds." in finished.stdout
