"""Gathers what the experiments measured and writes results/README.md.

python -m experiments.table --runs=runs/experiments

Every experiment's state is copied to results/experiments/, where it is kept with the code; the page is made from
those copies alone.
"""

import functools
import json
import shutil
from pathlib import Path

from absl import flags

from experiments.catalogue import CATALOGUE
from experiments.table.classification import classification_lines
from experiments.table.denoising import denoising_lines
from experiments.table.not_run import not_run_lines
from tfdrop.checkpoint import replace
from tfdrop.errors import blaming
from tfdrop.tasks.influence_line import influence_line
from tfdrop.tasks.state import STATE, finished_arms, read_state
from train.program import run

RUNS = flags.DEFINE_string("runs", "runs/experiments", "Folder of the experiments' own folders; need not be there.")
RESULTS = flags.DEFINE_string("results", "results", "Folder to write to.")

INTRODUCTION = """# Results

Made by `python -m experiments.table` from the files in `experiments/`; not edited by hand. What was run comes first,
with means over the seeds and, where there are several, their standard deviation. What was not run is listed at the end.

Denoising: PSNR in dB at sigma 25, 8-bit protocol (`tfdrop.metrics.psnr`). One training image holds 29 % of Set12's
Starfish, hence the column without it.

Classification: errors on the test set in percent. FocusedDropout's paper reports the best epoch, chosen on the test
set; the difference to a paper is that of the epoch which it reports.
"""


def main():
    results = Path(RESULTS.value)
    kept = results / "experiments"
    found = sorted(Path(RUNS.value).glob(f"*/{STATE}"))
    for path in found:
        read_state(path)  # before anything is written
    with blaming("results", results):
        kept.mkdir(parents=True, exist_ok=True)
    for path in found:
        known = kept / f"{path.parent.name}.json"
        if not _is_check(path.parent.name) and _progress(path) >= _progress(known):
            replace(known, functools.partial(shutil.copyfile, path))
    experiments = [experiment for experiment in CATALOGUE if not _is_check(experiment.name)]
    states = {experiment.name: _states(experiment, kept) for experiment in experiments}
    run_first = [experiment for experiment in experiments if states[experiment.name]]
    not_run = [experiment for experiment in experiments if not states[experiment.name]]
    sections = [INTRODUCTION, *(_section(experiment, states[experiment.name]) for experiment in run_first)]
    if not_run:
        sections.append("\n".join(not_run_lines(not_run)) + "\n")
    others = sorted(path.name for path in results.glob("*.md") if path.name != "README.md")
    if others:
        sections.append("## Also measured\n\n" + "\n".join(f"- [{name}]({name})" for name in others) + "\n")
    replace(results / "README.md", lambda partial: partial.write_text("\n".join(sections)))
    print(f"Wrote {results / 'README.md'}")


def _is_check(name):
    return name.startswith("check")


def _states(experiment, kept):
    """Returns the states of an experiment's seeds that were run."""
    states = [read_state(kept / f"{experiment.name}-seed{seed}.json") for seed in experiment.seeds]
    return [state for state in states if state is not None]


def _section(experiment, states):
    """Returns the part of the page about one experiment that was run."""
    lines = [
        f"## {experiment.name}",
        "",
        experiment.about,
        "",
        f"Command: `python -m experiments.run --name={experiment.name} --data_dir=DIR`, again until it says finished. "
        f"Seeds {', '.join(map(str, experiment.seeds))}; expected {experiment.minutes:g} minutes a seed (an estimate).",
        "",
        *(classification_lines if experiment.classifies else denoising_lines)(experiment, states),
        *(_provenance(state) for state in states),
    ]
    return "\n".join(lines) + "\n"


def _progress(path):
    """Returns the number of finished arms in a state's file, 0 if it is not there."""
    return len(finished_arms(read_state(path) or {"arms": {}}))


def _provenance(state):
    """Returns the line that says what one seed was run with and on, slice after slice where that changed."""
    seed = json.loads(state["key"])["seed"]
    environments = [
        f"{each['machine']}; {each['date']}, commit {each['commit']}, {each['backend']}, Keras {each['keras']}"
        for each in state["environments"]
    ]
    text = f"- Seed {seed}: {state['seconds'] / 60:.1f} minutes on {'; then on '.join(environments)}."
    for name, arm in finished_arms(state).items():
        if influence := arm.get("influence"):
            samples = arm.get("images", arm.get("patches"))
            text += f" {_solve(influence)}, after {name}; {influence['unfavorable']} of {samples} unfavorable."
    return text


def _solve(influence):
    if "horizon" in influence:
        return influence_line(influence).removesuffix(".")
    about = f"{influence['curvature']} + {influence['damping']:.4g} I"
    return f"Influence: {about}, relative residual {influence['residual']:.3f}"


if __name__ == "__main__":
    run(main)
