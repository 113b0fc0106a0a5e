"""The section of the page: what each arm came to, and how well each ranking finds the wrong labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import pages
from benchmarks.replay_validity.trainings import Setup
from benchmarks.wrong_labels.arms import FULL, RANDOM, listed
from benchmarks.wrong_labels.overview import HEADING as OVERVIEW
from benchmarks.wrong_labels.planted import DUPLICATES, KINDS, found_share
from benchmarks.wrong_labels.trainings import SETUPS, Outcome
from tfdrop.comparison import paired_difference

SHARES = (0.0, 0.1, 0.2, 0.4)


def heading(setup: Setup, share: float, kind: str) -> str:
    """Returns the heading of a section."""
    if kind == DUPLICATES:
        return f"## {setup.title}, images that occur twice with two labels"
    return f"## {setup.title}, {share:.0%} wrong labels" + ", pairs of classes" * (kind == "pairs")


def headings() -> list[str]:
    """Returns the headings of all sections that the page may have."""
    every = [heading(setup, share, kind) for setup in SETUPS.values() for kind in KINDS for share in SHARES]
    return [OVERVIEW, *dict.fromkeys(every)]


def section(about: str, share: float, kind: str, count: int, test: int, found: Sequence[tuple]) -> list[str]:
    """Returns the lines under the heading.

    Args:
        about: What was trained, on what.
        share: Share of wrong labels.
        kind: How they are wrong.
        count: How many samples each ranking drops.
        test: Number of test images.
        found: For each repetition which labels are wrong, the rankings, the dropped samples and the `Outcome`, by name.
    """
    wrong = found[0][0].sum()
    own, right = (", with its own wrong labels,", " with right labels") if share else ("", "")
    text = (
        f"{about} {_what_is_wrong(share, kind, wrong)} In each of {len(found)} repetitions{own} one training ranks the "
        "samples, the automatic horizon for replays; then networks from another seed are trained without the first "
        f"{count}, and tested on {test} images{right}. As printed: LiSSA on the Hessian, automatic damping, the summed "
        "cross-entropy. Differences are paired by repetition, with the 95 % interval of Student's t. Best epoch: the "
        "lowest test error of all epochs, which nobody without the test labels would find."
    )
    if wrong:
        text += " Precision: how many of the first as many as are wrong are; AUC: the area under the ROC curve."
    return [text, "", *_table(wrong, found)]


def _what_is_wrong(share, kind, wrong):
    if kind == DUPLICATES:
        return (
            f"{wrong} of the training samples are images that occur twice, with two labels, all that the data set has; "
            "both of a pair count as wrong."
        )
    if not share:
        return "No label is known to be wrong."
    instead = {"symmetric": "any other class", "pairs": "the next class"}[kind]
    return (
        f"{share:.0%} of the labels are wrong, those of the validation samples too: {instead} in the place of the "
        "right one."
    )


def _table(wrong, found):
    names = list(found[0][3])
    results = {name: np.array([each[3][name] for each in found]) for name in names}
    rows = []
    for name, dropped in listed(found, lambda name: results[name][:, 0].mean()):
        rows.append([name, dropped, *_cells(results, name), *(_detection(found, name) if wrong else [])])
    header = ["dropped by", "dropped", "test error, %", "minus nothing dropped", "minus random"]
    header += ["best epoch, %", "test loss", *["precision", "AUC"] * bool(wrong)]
    return pages.table(header, rows)


def _cells(results: dict[str, np.ndarray], name: str) -> list[str]:
    own = results[name]
    error, best, loss = (Outcome._fields.index(field) for field in ("error", "best_error", "loss"))
    differences = [
        "" if name == other else paired_difference(own[:, error], results[other][:, error]).text(2)
        for other in (FULL, RANDOM)
    ]
    if name == FULL:
        differences[1] = ""
    means = own.mean(axis=0)
    return [f"{means[error]:.2f}", *differences, f"{means[best]:.2f}", f"{means[loss]:.3f}"]


def _detection(found: Sequence[Any], name: str) -> list[str]:
    """Returns precision and AUC of a ranking, means over the repetitions."""
    from sklearn.metrics import roc_auc_score

    if name not in found[0][1]:
        return ["", ""]
    precisions, areas = [], []
    for wrong, rankings, *_ in found:
        scores = rankings[name]
        precisions.append(found_share(scores, wrong))
        areas.append(roc_auc_score(wrong, scores))
    return [f"{np.mean(precisions):.2f}", f"{np.mean(areas):.2f}"]
