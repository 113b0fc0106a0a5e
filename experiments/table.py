"""Gathers what the experiments measured and writes results/README.md.

python -m experiments.table --runs=runs/experiments

Every experiment's state is copied to results/experiments/, where it is kept with the code; the page is made from
those copies alone.
"""

import json
from pathlib import Path

import numpy as np
from absl import flags

from experiments.catalogue import CATALOGUE
from experiments.state import STATE, finished_arms, read_state
from tfdrop.checkpoint import replace
from train.program import run
from train.recipes import SET12

RUNS = flags.DEFINE_string("runs", "runs/experiments", "Folder of the experiments' own folders; need not be there.")
RESULTS = flags.DEFINE_string("results", "results", "Folder to write to.")

INTRODUCTION = """# Results

Made by `python -m experiments.table` from the files in `experiments/`; not edited by hand. Gains and losses in dB on
Set12 at sigma 25, 8-bit protocol (`tfdrop.metrics.psnr`): mean over the seeds, and the standard deviation over them
where there are several. One training image holds 29 % of Set12's Starfish, hence the column without it.
"""


def main():
    results = Path(RESULTS.value)
    kept = results / "experiments"
    kept.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(RUNS.value).glob(f"*/{STATE}")):
        known = kept / f"{path.parent.name}.json"
        if not path.parent.name.startswith("check") and _progress(path) >= _progress(known):
            replace(known, lambda partial, path=path: partial.write_text(path.read_text()))
    sections = [INTRODUCTION, *(_section(experiment, kept) for experiment in CATALOGUE if experiment.name != "check")]
    others = sorted(path.name for path in results.glob("*.md") if path.name != "README.md")
    if others:
        sections.append("## Also measured\n\n" + "\n".join(f"- [{name}]({name})" for name in others) + "\n")
    replace(results / "README.md", lambda partial: partial.write_text("\n".join(sections)))
    print(f"Wrote {results / 'README.md'}")


def _section(experiment, kept):
    """Returns the part of the page about one experiment."""
    states = [read_state(kept / f"{experiment.name}-seed{seed}.json") for seed in experiment.seeds]
    states = [state for state in states if state is not None]
    lines = [
        f"## {experiment.name}",
        "",
        experiment.about,
        "",
        f"Command: `python -m experiments.run --name={experiment.name} --data_dir=DIR`, again until it says finished. "
        f"Seeds {', '.join(map(str, experiment.seeds))}; expected {experiment.minutes:g} minutes a seed (an estimate).",
        "",
        "| arm | Set12 | without Starfish | BSD68 | patches dropped | paper's Set12 | difference |",
        "|---|---|---|---|---|---|---|",
        *(_row(arm, states) for arm in experiment.arms),
        "",
    ]
    if states:
        lines += _table_v(experiment, states)
    lines += [_provenance(state) for state in states]
    return "\n".join(lines) + "\n"


def _progress(path):
    """Returns the number of finished arms in a state's file, 0 if it is not there."""
    return len(finished_arms(read_state(path) or {"arms": {}}))


def _finished(arm, states):
    results = [finished_arms(state).get(arm.name) for state in states]
    return [result for result in results if result is not None]


def _row(arm, states):
    found = _finished(arm, states)
    if not found:
        return f"| {arm.name} | not run | | | | {arm.paper or ''} | |"
    test = [_by_paper_name(result["test"]) for result in found]
    set12 = [np.mean(list(images.values())) for images in test]
    others = [np.mean([value for name, value in images.items() if name != "Starfish"]) for images in test]
    bsd68 = [np.mean(list(result["validation"].values())) for result in found]
    dropped = ", ".join(str(result["dropped"]) for result in found)
    difference = f"{np.mean(set12) - arm.paper:+.3f}" if arm.paper else ""
    cells = [arm.name, _spread(set12), _spread(others), _spread(bsd68), dropped, arm.paper or "", difference]
    return f"| {' | '.join(map(str, cells))} |"


def _spread(values):
    if len(values) == 1:
        return f"{values[0]:.3f} (n=1)"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} (n={len(values)})"


def _by_paper_name(test):
    """Returns the scores by the papers' names: Set12's files are numbered in Table V's order."""
    names = [image.name for image in SET12.values()]
    if len(test) != len(names):
        return test
    return dict(zip(names, (test[file] for file in sorted(test)), strict=True))


def _table_v(experiment, states):
    """Returns the lines of the table image by image, as the paper's Table V has it."""
    arms = [arm for arm in experiment.arms if _finished(arm, states)]
    if not arms:
        return []
    paper = any(arm.paper for arm in arms)
    lines = [
        "Image by image, as in Table V, means over the seeds:",
        "",
        f"| image | {' | '.join(arm.name for arm in arms)} |" + (" paper DnCNN | paper DnCNN++ |" if paper else ""),
        "|---" * (1 + len(arms) + 2 * paper) + "|",
    ]
    for image in SET12.values():
        scores = [
            np.mean([_by_paper_name(result["test"])[image.name] for result in _finished(arm, states)]) for arm in arms
        ]
        theirs = [f"{image.round_1:.2f}", f"{image.round_2:.2f}"] if paper else []
        cells = [image.name, *(f"{score:.2f}" for score in scores), *theirs]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _provenance(state):
    """Returns the line that says what one seed was run with and on, slice after slice where that changed."""
    seed = json.loads(state["key"])["seed"]
    environments = [
        f"{each['machine']}; {each['date']}, commit {each['commit']}, {each['backend']}, Keras {each['keras']}"
        for each in state["environments"]
    ]
    text = f"- Seed {seed}: {state['seconds'] / 60:.1f} minutes on {'; then on '.join(environments)}."
    if influence := state.get("influence"):
        text += (
            f" Influence: {influence['curvature']} + {influence['damping']:.4g} I, relative residual "
            f"{influence['residual']:.3f}; {influence['unfavorable']} of {influence['patches']} patches unfavorable."
        )
    return text


if __name__ == "__main__":
    run(main)
