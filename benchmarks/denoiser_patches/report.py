"""The table: what influence says about the patches, and where those of the image with a part of Starfish stand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import pages

WITH_STARFISH = "test_020"  # the file of Train400's image that contains a part of Set12's Starfish
QUESTIONS = ("Set12", "Starfish alone")
IMAGES_SHOWN = 3


def lines(found: Sequence[Any], losses: np.ndarray, image_of_patch: np.ndarray, names: Sequence[str]) -> list[str]:
    """Returns the lines of a table with a column for each question.

    Args:
        found: The `Influence` of each question.
        losses: Each patch's loss.
        image_of_patch: Number of each patch's image.
        names: The images' names.
    """
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    within = np.array([names[image] == WITH_STARFISH for image in image_of_patch])
    rows = {
        "largest and smallest eigenvalue": [f"{i.spectrum.largest:.4g}, {i.spectrum.smallest:.4g}" for i in found],
        "damping": [f"{i.damping:.4g}" for i in found],
        "residual": [f"{i.residual:.3f}" + ", not converged" * (not i.converged) for i in found],
        "unfavorable patches": [f"{np.mean(i.scores > 0):.1%}" for i in found],
        "share of the sum of sizes that the first 10 % have": [f"{_share_of_first(i.scores):.0%}" for i in found],
        "Spearman correlation of the size of influence with the loss": [
            f"{spearmanr(np.abs(i.scores), losses).statistic:.2f}" for i in found
        ],
        "images that help most, by their patches' sum": [_helpers(i.scores, image_of_patch, names) for i in found],
        f"rank of {WITH_STARFISH} among {len(names)}, most helpful first": [
            str(_rank(i.scores, image_of_patch, names)) for i in found
        ],
        f"AUC of its {within.sum()} patches, most helpful first": [
            f"{roc_auc_score(within, -i.scores):.3f}" for i in found
        ],
    }
    return pages.table(["", *QUESTIONS], [[title, *cells] for title, cells in rows.items()])


def _share_of_first(scores):
    sizes = np.sort(np.abs(scores))[::-1]
    return sizes[: -(-len(sizes) // 10)].sum() / sizes.sum()


def _order(scores, image_of_patch, names):
    """Returns the images' numbers, those whose patches help most first."""
    return np.argsort(np.bincount(image_of_patch, scores, len(names)), kind="stable")


def _helpers(scores, image_of_patch, names):
    return ", ".join(names[image] for image in _order(scores, image_of_patch, names)[:IMAGES_SHOWN])


def _rank(scores, image_of_patch, names):
    return 1 + [names[image] for image in _order(scores, image_of_patch, names)].index(WITH_STARFISH)
