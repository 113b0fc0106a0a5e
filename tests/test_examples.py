"""The examples run, at a small size, and print what they promise."""

import re
import runpy

import numpy as np
import pytest
from programs import ROOT
from skimage.io import imread


@pytest.fixture
def run_example(monkeypatch, capsys):
    """A function that runs an example with flags in this process and returns what it printed."""

    def run(name, *flags):
        monkeypatch.setattr("sys.argv", [name, *flags])
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def numbers(pattern, printed):
    """Returns the numbers that the groups of a pattern match."""
    found = re.search(pattern, printed)
    assert found, printed
    return [float(group) for group in found.groups()]


def test_every_example_has_a_test():
    tested = {"denoise_a_photograph", "find_mislabeled_samples", "select_scale_with_a_curriculum"}
    assert {path.stem for path in ROOT.glob("examples/*.py")} == tested


def test_influence_finds_planted_labels_far_more_often_than_chance(run_example):
    printed = run_example("find_mislabeled_samples", "--train-samples=300", "--epochs=6")
    planted, samples = numbers(r"(\d+) of (\d+) training labels are wrong", printed)
    assert (planted, samples) == (60, 300)
    found, dropped = numbers(r"influence: (\d+) of the (\d+) dropped samples", printed)
    by_chance, as_many = numbers(r"random: +(\d+) of the (\d+) dropped samples", printed)
    assert 30 <= dropped == as_many <= planted
    assert found / dropped > 0.6
    assert by_chance / dropped < 0.4  # 0.2 is expected
    for training in ("trained on all samples", "unfavorable samples dropped", "random samples dropped"):
        (error,) = numbers(rf"{training}: +([\d.]+) %", printed)
        assert 0 <= error < 50


def test_the_rate_rises_and_the_saved_model_is_the_trained_one(run_example):
    printed = run_example("select_scale_with_a_curriculum", "--train-samples=100", "--epochs=4", "--seeds=1")
    rates = [float(rate) for rate in re.findall(r"\d+: ([\d.]+)", printed.splitlines()[0])]
    # 4 steps an epoch; the rate that a step had is that of the steps before it, 8 of them until the rate is 0.9.
    np.testing.assert_allclose(rates, [0.9 * steps / 8 for steps in (3, 7, 8, 8)], atol=0.12)
    assert rates == sorted(rates)
    (trained,) = numbers(r"SelectScale: .*by seed: ([\d.]+)\)", printed)
    (loaded,) = numbers(r"saved and loaded: ([\d.]+) %", printed)
    assert trained == loaded


def test_a_denoised_photograph_is_better_than_the_noisy_one(run_example, tmp_path):
    picture = tmp_path / "denoised.png"
    printed = run_example("denoise_a_photograph", "--patches=160", "--epochs=3", f"--output={picture}")
    (noisy,) = numbers(r"PSNR, noisy: ([\d.]+) dB", printed)
    (classical,) = numbers(r"PSNR, non-local means: ([\d.]+) dB", printed)
    (denoised,) = numbers(r"PSNR, DnCNN: ([\d.]+) dB", printed)
    assert noisy == pytest.approx(20 * np.log10(255 / 25), abs=0.6)  # clipping to [0, 1] takes a little of the noise
    assert classical > noisy + 6
    assert denoised > noisy + 2
    assert imread(picture).ndim == 3
