"""The page: what each arm came to, and which kinds of bad patches each ranking finds."""

from collections.abc import Sequence

import numpy as np

from benchmarks import pages
from benchmarks.planted_patches.planted import KINDS, PlantedPatches
from benchmarks.wrong_labels.arms import FULL, RANDOM, listed
from benchmarks.wrong_labels.planted import found_share
from tfdrop.comparison import paired_difference

Repetition = tuple[PlantedPatches, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, float]]


def lines(found: Sequence[Repetition]) -> list[str]:
    """Returns the two tables.

    Args:
        found: For each repetition the patches, the rankings, the dropped patches and the PSNR, the last three by name.
    """
    kinds = "; ".join(f"{name}: {what}" for name, what in KINDS.items())
    about = (
        "Differences of PSNR are in dB, paired by repetition, with the 95 % interval of Student's t; more is better. "
        "Precision: how many of the first as many as are bad are."
    )
    detected = (
        "The area under the ROC curve of each kind of bad patches against the good ones, means over the repetitions; "
        f"0.5 is chance. {kinds}."
    )
    return [about, "", *_psnr_table(found), "", detected, "", *_detection_table(found)]


def _psnr_table(found):
    names = list(found[0][3])
    values = {name: np.array([each[3][name] for each in found]) for name in names}
    rows = []
    for name, dropped in listed(found, lambda name: -values[name].mean()):
        differences = [
            "" if name in (FULL, other) else paired_difference(values[name], values[other]).text(3)
            for other in (FULL, RANDOM)
        ]
        rows.append([name, dropped, f"{values[name].mean():.3f}", *differences, _precision(found, name)])
    header = ["dropped by", "dropped", "Set12, dB", "minus nothing dropped", "minus random", "precision"]
    return pages.table(header, rows)


def _precision(found: Sequence[Repetition], name: str) -> str:
    if name not in found[0][1]:
        return ""
    return f"{np.mean([found_share(rankings[name], patches.bad) for patches, rankings, *_ in found]):.2f}"


def _detection_table(found: Sequence[Repetition]) -> list[str]:
    rows = [[name, *(_area(found, name, kind) for kind in KINDS)] for name in found[0][1]]
    return pages.table(["ranking", *KINDS], rows)


def _area(found: Sequence[Repetition], name: str, kind: str) -> str:
    from sklearn.metrics import roc_auc_score

    areas = []
    for patches, rankings, *_ in found:
        of_kind = patches.kind == kind
        asked = of_kind | ~patches.bad
        areas.append(roc_auc_score(of_kind[asked], rankings[name][asked]))
    return f"{np.mean(areas):.2f}"
