"""What the results page says of a denoising experiment."""

import numpy as np

from experiments.table.paired import paired_lines
from experiments.table.spread import finished_results, spread
from tfdrop.tasks.denoising.set12 import SET12

HEADER = (
    "| arm | Set12 | without Starfish | BSD68 | patches dropped | paper's Set12 | difference |",
    "|---|---|---|---|---|---|---|",
)


def denoising_lines(experiment, states):
    """Returns the lines of an experiment's tables: its arms, and Set12 image by image."""
    lines = [*HEADER, *(_row(arm, states) for arm in experiment.arms), ""]
    lines += paired_lines(experiment, states, _mean_of_set12, 3)
    return lines + _table_v(experiment, states) if states else lines


def _row(arm, states):
    found = finished_results(arm, states)
    if not found:
        return f"| {arm.name} | not run | | | | {arm.paper or ''} | |"
    test = [_by_paper_name(result["test"]) for result in found]
    set12 = [_mean_of_set12(result) for result in found]
    others = [np.mean([value for name, value in images.items() if name != "Starfish"]) for images in test]
    bsd68 = [np.mean(list(result["validation"].values())) for result in found]
    dropped = ", ".join(str(result["dropped"]) for result in found)
    difference = f"{np.mean(set12) - arm.paper:+.3f}" if arm.paper else ""
    cells = [arm.name, spread(set12), spread(others), spread(bsd68), dropped, arm.paper or "", difference]
    return f"| {' | '.join(map(str, cells))} |"


def _mean_of_set12(result):
    return np.mean(list(result["test"].values()))


def _by_paper_name(test):
    """Returns the scores by the papers' names: Set12's files are numbered in Table V's order."""
    names = [image.name for image in SET12.values()]
    if len(test) != len(names):
        return test
    return dict(zip(names, (test[file] for file in sorted(test)), strict=True))


def _table_v(experiment, states):
    """Returns the lines of the table image by image, as the paper's Table V has it."""
    arms = [arm for arm in experiment.arms if finished_results(arm, states)]
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
            np.mean([_by_paper_name(result["test"])[image.name] for result in finished_results(arm, states)])
            for arm in arms
        ]
        theirs = [f"{image.round_1:.2f}", f"{image.round_2:.2f}"] if paper else []
        cells = [image.name, *(f"{score:.2f}" for score in scores), *theirs]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]
