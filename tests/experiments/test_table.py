"""The results page is made from the states that experiments leave."""

import json

from programs import run_program

from experiments.catalogue import CATALOGUE, DATA_DROPOUT
from train.denoising_settings import DenoiseSettings
from train.recipes import DNCNN_S25

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


def test_what_is_kept_is_not_replaced_by_less(tmp_path):
    first, second = (each.name for each in DATA_DROPOUT[:2])
    write_state(tmp_path / "more", 0, {first: arm(0.0), second: arm(0.0)})
    write_state(tmp_path / "less", 0, {first: arm(0.5)})
    for runs in ("more", "less"):
        finished = run_program("experiments.table", f"--runs={tmp_path / runs}", f"--results={tmp_path / 'results'}")
        assert finished.returncode == 0, finished.stderr
    kept = json.loads((tmp_path / "results" / "experiments" / "dncnn_s25-seed0.json").read_text())
    assert set(kept["arms"]) == {first, second}


def test_every_experiment_of_the_catalogue_has_settings_that_exist():
    names = [experiment.name for experiment in CATALOGUE]
    assert len(set(names)) == len(names)
    for experiment in CATALOGUE:
        DenoiseSettings(**experiment.settings)
        assert experiment.minutes > 0
        arms = [each.name for each in experiment.arms]
        assert len(set(arms)) == len(arms)
        if any(each.drop != "none" for each in experiment.arms):
            assert not experiment.arms[0].augment
