"""Every benchmark, and every part of one, runs at toy size and says something true.

Minutes of processor time, so by hand: TFDROP_BENCHMARKS=1 python -m pytest tests/benchmarks
"""

import shlex

import numpy as np
import pytest
from benchmark_runs import (
    WITH_PAGE,
    WITHOUT_DATA,
    by_hand,
    cells,
    commands_in,
    recorded_commands,
    toy_images,
)
from programs import ROOT, run_program

from benchmarks.influence_validity import labels, lds, loo
from benchmarks.replay_validity.dropping import INFLUENCES
from tfdrop.data.sets.image_set import save_image_set
from tfdrop.environment import commit

pytestmark = by_hand

VALIDITY_PARTS = {"loo": loo, "lds": lds, "labels": labels}


def page(runs, name):
    """Returns what a run wrote: its page, or its section of it."""
    run = runs[name]
    assert run.status == 0, run.err
    if name not in VALIDITY_PARTS:
        return run.page
    heading = VALIDITY_PARTS[name].HEADING
    sections = [section for section in run.page.split("\n## ") if f"## {section}".startswith(heading)]
    assert len(sections) == 1
    return sections[0]


def numbers(row):
    return [float(cell) for cell in row]


@pytest.mark.parametrize("name", WITH_PAGE)
def test_page_states_its_command_commit_and_n(runs, name):
    text = page(runs, name)
    module, *given = shlex.split(WITH_PAGE[name])
    [(shown_module, *shown)] = commands_in(text)
    assert shown_module == module
    assert set(shown) == {*given, *(["--data_dir=DIR"] if name not in WITHOUT_DATA else [])}
    assert f", commit {commit()}" in text
    assert "\n- n: " in text
    assert text.split("\n\n")[-1].strip() in runs[name].out


@pytest.mark.parametrize(("path", "number", "command"), recorded_commands(), ids=str)
def test_recorded_commands_can_be_given_again(runs, path, number, command):
    run = runs[f"{path.name} {number}"]
    assert (run.status, run.err) == (0, "")


def test_no_recorded_command_is_overlooked():
    for path in (ROOT / "results").glob("*.md"):
        assert len(commands_in(path.read_text())) == path.read_text().count("python -m benchmarks."), path


def test_recorded_modules_exist():
    for path in (ROOT / "results").glob("*.md"):
        for module, *_ in commands_in(path.read_text()):
            place = ROOT.joinpath(*module.split("."))
            assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_loo_predicts_what_retraining_finds(runs):
    rows = cells(page(runs, "loo"))
    assert [row[:2] for row in rows] == [["40", "CG"], ["40", "LiSSA"]]
    for row in rows:
        residual, engines, r, *others = numbers(row[2:])
        assert len(others) == 5
        assert np.isfinite(others).all()
        assert r > 0.9
        assert residual == pytest.approx(engines, rel=0.5)
    assert all(float(row[2]) < 1e-4 for row in rows if row[1] == "CG")


def test_lds_scores_every_predictor(runs):
    rows = cells(page(runs, "lds"))
    influence = [f"influence, Gauss-Newton, {solver}" for solver in ("CG", "LiSSA")]
    assert [row[0] for row in rows] == [*influence, "training loss", "gradient norm", "random"]
    for name, model, ensemble, *by_class, damping, residual in rows:
        pairs = [(model, ensemble), tuple(by_class)] if "LiSSA" not in name else [(model, ensemble)]
        for one, several in pairs:
            score, low, high = numbers(several.replace("[", "").replace(",", "").replace("]", "").split())
            assert score == float(one)  # an ensemble of one model
            assert -1 <= low <= high <= 1
        assert (damping != "") == (residual != "") == name.startswith("influence")
    assert all(float(row[5]) > 0 and 0 <= float(row[6]) < 0.2 for row in rows[:2])
    assert runs["lds"].out.count("half ") == 6


def test_replay_is_compared_with_retraining(runs, folder):
    rows = cells(page(runs, "replay"))
    names = [
        "replay",
        "replay, automatic horizon",
        "replay, last half",
        "influence, Hessian",
        "influence, Gauss-Newton",
    ]
    of = ("own seed", "other seeds", "mean of 2")
    predictions = [f"{name}; {seeds}" for name in [*names, "training loss", "gradient norm", "random"] for seeds in of]
    assert [row[0] for row in rows] == 2 * [*predictions, "retraining from another seed"]
    for _, *scores in rows:
        for score in scores:
            assert all(
                -1 <= number <= 1 for number in numbers(score.replace("[", "").replace(",", "").strip("]").split())
            )
    (bank,) = (folder / "bank").glob("gelu_cnn_*")
    for share in ("0.1", "0.5"):
        for seed in (0, 1):
            assert np.load(bank / f"seed{seed}_{share}.npy").shape == (12, 2)


def test_replays_of_a_denoiser_are_compared_with_retraining(runs, folder):
    text = page(runs, "denoiser")
    assert "### Squared error" in text
    assert "### PSNR" in text
    (bank,) = (folder / "bank").glob("dncnn_*")
    squares, decibels = np.load(bank / "seed0_0.1.npy").T
    assert (squares > 0).all()
    assert ((decibels > -10 * 60) & (decibels < 0)).all()  # ten patches, minus their dB


def test_what_replays_cost(runs):
    rows = cells(page(runs, "cost"))
    assert [(row[2], row[3]) for row in rows] == [
        (steps, record) for steps in ("20", "40") for record in ("12 MiB", "2 MiB", "folder")
    ]
    for _, weights, steps, record, kept, again, size, peak, *times in rows:
        if kept == "too many for it":
            assert record == "2 MiB"
            continue
        assert int(weights) == 56970
        assert int(kept) + int(again) == int(steps) + 1
        assert int(kept) == int(steps) + 1 or record != "folder"
        # Weights and momentum in float32, and Keras's count and learning rate.
        assert float(size) == pytest.approx(int(kept) * 8 * 56970 / 2**20, abs=0.6)
        assert float(peak) > 0
        training, replay, ratio = map(float, times)
        assert ratio == pytest.approx(replay / training, rel=0.2, abs=0.1)


def test_other_seeds_alone_predict(runs):
    rows = cells(page(runs, "others"))
    assert len(rows) == 2 * 8 * 2
    assert not any("own seed" in row[0] for row in rows)
    assert "Own seed:" not in page(runs, "others")


def test_samples_that_weigh_less_are_compared_with_random_ones(runs):
    text = page(runs, "weighing")
    assert "their losses are multiplied by 0.5" in " ".join(text.split())
    assert [row[0] for row in cells(text)] == [row[0] for row in cells(page(runs, "dropping"))]


def test_what_replay_says_of_the_samples_that_come_first(runs):
    rows = cells(page(runs, "extremes"))
    rankings = ["cross-entropy", "expected error", "random"]
    assert [row[:3] for row in rows] == [[ranking, "4", weight] for ranking in rankings for weight in ("0", "0.5")]
    for ranking, _, _, predicted, found, error, loss in rows:
        assert (predicted == "") == (found == "") == (ranking == "random")
        assert "[" in loss
        assert error
    (out, half), (other, other_half) = ([float(row[3]) for row in rows[start : start + 2]] for start in (0, 2))
    assert out < 0
    assert other < 0
    assert (half, other_half) == pytest.approx((out / 2, other / 2), abs=0.11)


def test_dropping_is_compared_with_random_samples(runs):
    rows = cells(page(runs, "dropping"))
    of = ["cross-entropy", "expected error"]
    influence = [f"{name}, {measure}" for name in INFLUENCES for measure in of]
    assert {row[0] for row in rows} == {"nothing dropped", "random", *influence, "training loss", "gradient norm"}
    assert sum(row[1].endswith("all positive") for row in rows if row[0] != "random") == len(influence)
    for ranking, dropped, error, random, nothing, *_ in rows:
        assert 0 <= float(error) <= 100
        assert (random == "") == (ranking in ("random", "nothing dropped"))
        assert (nothing == "") == (dropped == "0") == (ranking == "nothing dropped")
    assert "+" in rows[1][4] or "-" in rows[1][4]


def test_a_clean_set_is_trained_from_both_seeds(runs):
    rows = cells(page(runs, "clean"))
    assert [row[0] for row in rows] == ["the same training"] * 7 + ["another training"] * 7
    assert all(0 <= float(row[3]) <= 100 for row in rows)
    assert [row[2] for row in rows[:7]] == ["0", "2", "2", "2", "5", "5", "5"]


def test_wrong_labels_are_found(runs):
    rows = cells(page(runs, "labels"))
    own = ["self-influence", "self-influence, last layer"]
    names = ["influence, Gauss-Newton", *own, "training loss", "gradient norm", "random"]
    assert [row[0] for row in rows] == names
    found = {name: [numbers(cell.split(" ± ")) for cell in row] for name, *row in rows}
    assert all(0 <= mean <= 1 and deviation == 0 for pair in found.values() for mean, deviation in pair)
    assert found["influence, Gauss-Newton"][1][0] > 0.9


def test_layers_are_ratios_to_the_rival(runs):
    rival, layer, measured = cells(page(runs, "layers"))
    assert rival == ["SpatialDropout2D", "1.00", "1.00", "1.00"]
    assert layer[0] == "SelectScale"
    assert min(numbers(layer[1:])) > 0
    assert [cell.split()[-1] for cell in measured[1:]] == ["ms", "s", "MiB"]
    assert "WRN-2-1 step" in page(runs, "layers")


def test_throughput_is_measured(runs):
    tfdrop = cells(page(runs, "throughput"))[0]
    slowest, fastest = sorted(numbers(tfdrop[2].split(" to ")))
    assert tfdrop[0] == "tfdrop"
    assert 0 < slowest <= float(tfdrop[1]) <= fastest


def test_resnet20_learns_in_pytorch(folder):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    save_image_set(folder / "thumbnails.npz", toy_images(32, 3, 10))
    run = run_program(
        "benchmarks.training.resnet20_pytorch", "--dataset=thumbnails", f"--data_dir={folder}", "--epochs=2"
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines]
    assert np.isfinite(losses).all()
