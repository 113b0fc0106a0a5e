"""The table about a denoiser's patches: which images help is told from the patches' scores."""

from types import SimpleNamespace

import numpy as np
from benchmark_runs import cells

from benchmarks.denoiser_patches.report import WITH_STARFISH, lines

NAMES = ["test_001", WITH_STARFISH, "test_003", "test_004"]


def answer(scores, converged=True):
    spectrum = SimpleNamespace(largest=1234.56, smallest=-2.5)
    return SimpleNamespace(
        scores=np.array(scores, float), spectrum=spectrum, damping=12.3, residual=0.04, converged=converged
    )


def test_rows_of_a_small_case():
    image = np.array([0, 0, 1, 1, 2, 3])
    losses = np.array([1, 2, 3, 4, 5, 6.0])
    harms_all = answer([1, 2, 3, 4, 5, 6])
    helped = answer([-1, 5, -8, -2, 3, -4], converged=False)
    table = lines([harms_all, helped], losses, image, NAMES)
    rows = {row[0]: row[1:] for row in cells("\n".join(table))}
    assert rows["largest and smallest eigenvalue"][0] == "1235, -2.5"
    assert rows["residual"] == ["0.040", "0.040, not converged"]
    assert rows["unfavorable patches"] == ["100.0%", "33.3%"]
    # One of six patches is the first tenth, rounded up.
    assert rows["share of the sum of sizes that the first 10 % have"] == [f"{6 / 21:.0%}", f"{8 / 23:.0%}"]
    assert rows["Spearman correlation of the size of influence with the loss"][0] == "1.00"
    # Sums of the images: 3, 7, 5, 6 and 4, -10, 3, -4.
    assert rows["images that help most, by their patches' sum"] == [
        "test_001, test_003, test_004",
        f"{WITH_STARFISH}, test_004, test_003",
    ]
    assert rows[f"rank of {WITH_STARFISH} among 4, most helpful first"] == ["4", "1"]
    # Of the pairs with one of the other four patches: -8 is below all of them, -2 below three.
    assert rows["AUC of its 2 patches, most helpful first"][1] == f"{(4 + 3) / 8:.3f}"
