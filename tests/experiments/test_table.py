"""The results page is made from the states that experiments leave."""

import json

import numpy as np
from programs import run_program
from scipy import stats

from experiments.catalogue import CATALOGUE
from experiments.catalogue.denoising import DATA_DROPOUT
from experiments.table.classification import classification_lines
from tfdrop.tasks.denoising.settings import DenoiseSettings
from train.recipes.denoising import DNCNN_S25

SET12 = {f"{number:02d}": 30.0 + number / 100 for number in range(1, 13)}


def write_state(folder, seed, arms):
    (folder / f"dncnn_s25-seed{seed}").mkdir(parents=True)
    state = {
        "experiment": "dncnn_s25",
        "key": json.dumps(vars(DenoiseSettings(**DNCNN_S25, seed=seed))),
        "arms": arms,
        "seconds": 90.0,
        "environments": [{"commit": "abc", "date": "2026-01-02", "machine": "M", "backend": "jax", "keras": "3"}],
    }
    (folder / f"dncnn_s25-seed{seed}" / "state.json").write_text(json.dumps(state))


def arm(shift, finished=True):
    test = {name: value + shift for name, value in SET12.items()}
    return {"dropped": 5, "test": test, "validation": {"a": 29.0 + shift}, "finished": finished}


def test_means_spreads_differences_and_what_was_not_run(tmp_path):
    first, second, third = (each.name for each in DATA_DROPOUT[:3])
    write_state(tmp_path / "runs", 0, {first: arm(0.0), second: arm(0.0), third: arm(0.0, finished=False)})
    write_state(tmp_path / "runs", 1, {first: arm(0.2)})
    finished = run_program("experiments.table", f"--runs={tmp_path / 'runs'}", f"--results={tmp_path / 'results'}")
    assert finished.returncode == 0, finished.stderr
    page = (tmp_path / "results" / "README.md").read_text()
    section = page[page.index("## dncnn_s25\n") : page.index("## dncnn_s25_redrawn")]
    # Set12's mean is 30.065; Starfish is its fourth image.
    assert (
        f"| {first} | 30.165 ± 0.141 (n=2) | 30.167 ± 0.141 (n=2) | 29.100 ± 0.141 (n=2) | 5, 5 | 30.436 | -0.271 |"
        in section
    )
    assert f"| {second} | 30.065 (n=1) |" in section
    assert f"| {third} | not run |" in section
    assert "| Starfish | 30.14 | 30.04 | 29.41 | 29.49 |" in section
    assert "- Seed 1: 1.5 minutes on M; 2026-01-02, commit abc, jax, Keras 3." in section
    for experiment in CATALOGUE[:3]:
        assert f"## {experiment.name}\n" in page
    assert f"| {first} | not run |" in page[page.index("## dncnn_s25_cpu") :]
    assert (tmp_path / "results" / "experiments" / "dncnn_s25-seed1.json").exists()
    # What was run comes first; an arm of what was not is one line, however many experiments have it.
    run, rest = page.split("## Not run\n")
    assert run.index("\n## ") == run.index("\n## dncnn_s25\n")
    assert run.count("\n## ") == 1
    assert rest.count("not run") <= 20
    for experiment in CATALOGUE:
        if experiment.name != "dncnn_s25" and not experiment.name.startswith("check"):
            assert rest.count(f"## {experiment.name}\n") == 1


def test_data_dropout_stands_beside_its_controls_paired_by_seed(tmp_path):
    names = [each.name for each in DATA_DROPOUT]
    shifts = {"full": (0.0, 0.5, 0.25), "dropped": (0.125, 0.5, 0.5), "random": (-0.25, 0.125, 0.25)}
    for seed in range(3):
        arms = {names[1]: arm(shifts["full"][seed]), names[3]: arm(shifts["dropped"][seed])}
        arms[names[5]] = arm(shifts["random"][seed], finished=seed > 0)  # at most 3 %, at random
        write_state(tmp_path / "runs", seed, arms)
    finished = run_program("experiments.table", f"--runs={tmp_path / 'runs'}", f"--results={tmp_path / 'results'}")
    assert finished.returncode == 0, finished.stderr
    page = (tmp_path / "results" / "README.md").read_text()
    lines = [line for line in page.split("\n") if line.startswith(f"| {names[3]} |") and "chance" in line]
    # Differences of 0.125, 0, 0.25 and, of two seeds, 0.375, 0.25.
    three, two = (
        stats.t.interval(0.95, len(of) - 1, np.mean(of), stats.sem(of)) for of in ([0.125, 0, 0.25], [0.375, 0.25])
    )
    words = "cannot be told from chance"
    assert lines == [
        f"| {names[3]} | +0.125 [{three[0]:+.3f}, {three[1]:+.3f}]: {words} (n=3) "
        f"| +0.312 [{two[0]:+.3f}, {two[1]:+.3f}]: {words} (n=2) |"
    ]
    assert "paired" not in page[page.index("## Not run") :]


def test_more_than_chance_is_called_what_it_does_to_an_error(tmp_path):
    experiment = next(each for each in CATALOGUE if each.name == "cifar10_10k_cpu")
    full, dropped = experiment.arms[1], experiment.arms[3]
    states = [
        {"arms": {full.name: classified(9.0, 8.5), dropped.name: classified(9.0 + more, 8.0)}} for more in (1, 1.125)
    ]
    [row] = [line for line in classification_lines(experiment, states) if "[" in line]
    assert row == f"| {dropped.name} | +1.06 [+0.27, +1.86]: hurts (n=2) |  |"


def test_what_is_kept_is_not_replaced_by_less(tmp_path):
    first, second = (each.name for each in DATA_DROPOUT[:2])
    write_state(tmp_path / "more", 0, {first: arm(0.0), second: arm(0.0)})
    write_state(tmp_path / "less", 0, {first: arm(0.5)})
    for runs in ("more", "less"):
        finished = run_program("experiments.table", f"--runs={tmp_path / runs}", f"--results={tmp_path / 'results'}")
        assert finished.returncode == 0, finished.stderr
    kept = json.loads((tmp_path / "results" / "experiments" / "dncnn_s25-seed0.json").read_text())
    assert set(kept["arms"]) == {first, second}


def classified(last, best, **more):
    errors = {"last": {"epoch": 2, "test_error": last}, "best": {"epoch": 1, "test_error": best}}
    return {"images": 90, "dropped": 10, "influence": None, **errors, "finished": True, **more}


def test_classification_experiments_have_both_epochs_and_the_difference_of_the_papers_one(tmp_path):
    influence = {"unfavorable": 7, "curvature": "gauss_newton", "damping": 0.5, "residual": 0.25}
    arms = {"none": classified(9.0, 8.5), "dropout": classified(8.0, 7.5, influence=influence)}
    environment = {"commit": "abc", "date": "2026-01-02", "machine": "M", "backend": "jax", "keras": "3"}
    for name in ("resnet20_cifar10", "wrn20_4_cifar10"):
        for seed, both in ((0, arms), (1, {"none": classified(10.0, 9.5)})):
            state = {"key": json.dumps({"seed": seed}), "arms": both, "seconds": 60.0, "environments": [environment]}
            (tmp_path / "runs" / f"{name}-seed{seed}").mkdir(parents=True)
            (tmp_path / "runs" / f"{name}-seed{seed}" / "state.json").write_text(json.dumps(state))
    finished = run_program("experiments.table", f"--runs={tmp_path / 'runs'}", f"--results={tmp_path / 'results'}")
    assert finished.returncode == 0, finished.stderr
    page = (tmp_path / "results" / "README.md").read_text()
    # FocusedDropout's 91.48 % right is of the best epoch, SelectScale's 5.04 % wrong of the last.
    focused = "| none | 9.50 ± 0.71 (n=2) | 9.00 ± 0.71 (n=2) | 10, 10 | "
    assert f"{focused}test accuracy 91.48 ± 0.21 %, 3 runs, best epoch | +0.48 |" in page
    assert f"{focused}test error 5.04 ± 0.07 %, 5 runs | +4.46 |" in page
    assert "| dropout | 8.00 (n=1) | 7.50 (n=1) | 10 (7 unfavorable) |" in page
    assert "Influence: gauss_newton + 0.5 I, relative residual 0.250, after dropout; 7 of 90 unfavorable." in page
    assert "| select_scale | not run | | | test error 4.24 ± 0.05 %, 5 runs | |" in page
    assert "## check" not in page


def test_names_are_unique():
    names = [experiment.name for experiment in CATALOGUE]
    assert len(set(names)) == len(names)
    for experiment in CATALOGUE:
        assert experiment.minutes > 0
        arms = [each.name for each in experiment.arms]
        assert len(set(arms)) == len(arms)


def test_every_denoising_experiment_has_settings_that_exist():
    for experiment in CATALOGUE:
        if not experiment.classifies:
            DenoiseSettings(**experiment.settings)
            if any(each.after for each in experiment.arms):
                assert experiment.arms[0].round == 1
