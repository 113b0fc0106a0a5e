"""What a run writes of its influences: the table of all samples, the gallery of the worst, and the histogram."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop import plots
from tfdrop.checkpoint import replace
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.arms import INFLUENCE, ArmsRun
from tfdrop.tasks.drop_list import DROP_LIST, write_drop_list

GALLERY_SAMPLES = 48


class ScoredRound(NamedTuple):
    """A round whose samples were scored.

    Attributes:
        number: The round.
        samples: Indices of the samples that it trained on.
        scores: Their influences.
        dropped: Indices of those that the next round leaves out.
    """

    number: int
    samples: np.ndarray
    scores: np.ndarray
    dropped: np.ndarray


def scored_rounds(done: ArmsRun, rounds: Sequence[Arm]) -> list[ScoredRound]:
    """Returns the rounds of a finished run that were scored."""
    kept = [done.samples(arm) for arm in rounds]
    after = [*kept[1:], kept[-1]]
    return [
        ScoredRound(arm.round, samples, done.influence_scores(arm), np.setdiff1d(samples, left))
        for arm, samples, left in zip(rounds, kept, after, strict=True)
        if arm.counted
    ]


def write_influence(
    folder: Path,
    columns: Mapping[str, np.ndarray],
    texts: Mapping[str, Sequence[Any]],
    rounds: Sequence[ScoredRound],
    pixels: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str],
) -> None:
    """Writes `influence.npz`, `dropped.csv`, the gallery of the most unfavorable samples (Fig. 2), and the histogram.

    The gallery has no sample whose influence is not positive, and frames those that were dropped.

    Args:
        folder: Where to.
        columns: What else the table says of every sample; each array has a row for each.
        texts: What the list for a human says besides, or in the place of numbers.
        rounds: The scored rounds; with more than two, gallery and histogram show the first.
        pixels: Function from indices of samples to their pictures, floats in [0, 1].
        names: What captions call the samples.
    """
    write_influence_tables(folder, columns, texts, rounds, len(names))
    first = rounds[0]
    dropped = np.isin(first.samples, first.dropped)
    worst = np.argsort(-first.scores, kind="stable")[:GALLERY_SAMPLES]
    worst = worst[first.scores[worst] > 0]
    captions = [f"{names[first.samples[at]]}\n{first.scores[at]:.3g}" for at in worst]
    shown = pixels(first.samples[worst])
    replace(folder / "unfavorable.png", lambda path: plots.gallery(path, shown, captions, marked=dropped[worst]))
    threshold = first.scores[dropped].min() if dropped.any() else None
    replace(folder / "influence.png", lambda path: plots.influence_histogram(path, first.scores, threshold, dropped))


def write_influence_tables(
    folder: Path,
    columns: Mapping[str, np.ndarray],
    texts: Mapping[str, Sequence[Any]],
    rounds: Sequence[ScoredRound],
    samples: int,
) -> None:
    """Writes what `write_influence` does but for the pictures, of so many samples."""
    influence = np.full(samples, np.nan)
    dropped_after_round = np.zeros(samples, int)
    for round in rounds:
        influence[round.samples] = round.scores
        dropped_after_round[round.dropped] = round.number
    table = {
        **columns,
        "influence": influence,  # of the last round that still had the sample
        "dropped_after_round": dropped_after_round,
        "kept": dropped_after_round == 0,
    }
    replace(folder / INFLUENCE, lambda path: np.savez(path, **table))
    write_drop_list(folder / DROP_LIST, {**columns, **texts}, influence, dropped_after_round)
