"""The results page is made from the states that experiments leave."""

import json

from programs import run_program

from experiments.catalogue import CATALOGUE
from experiments.catalogue.denoising import DATA_DROPOUT
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
