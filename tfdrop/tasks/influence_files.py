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
from tfdrop.tasks.influence_step import HARMED
from tfdrop.tasks.ranking import INFLUENCE_RANKING
from tfdrop.training.events import write_pictures

GALLERY_SAMPLES = 48


class ScoredRound(NamedTuple):
    """A round whose samples were scored.

    Attributes:
        number: The round.
        samples: Indices of the samples that it trained on.
        scores: Their influences.
        dropped: Indices of those that the next round leaves out.
        spread: Standard deviations of the influences over the trainings that they are the mean of; `None` of one.
        harmed: The validation samples that each harms most, as `InfluenceByColumns` has them; `None` where that is not
            known.
    """

    number: int
    samples: np.ndarray
    scores: np.ndarray
    dropped: np.ndarray
    spread: np.ndarray | None = None
    harmed: np.ndarray | None = None


def scored_rounds(done: ArmsRun, rounds: Sequence[Arm]) -> list[ScoredRound]:
    """Returns the rounds of a finished run that were scored."""
    kept = [done.samples(arm) for arm in rounds]
    after = [*kept[1:], kept[-1]]
    found = []
    for arm, samples, left in zip(rounds, kept, after, strict=True):
        if arm.counted:
            ranking = done.ranking(arm)
            scores, beside = done.influence_scores(arm, ranking=ranking), done.beside_scores(arm, ranking)
            found.append(ScoredRound(arm.round, samples, scores, np.setdiff1d(samples, left), **beside))
    return found


def write_influence(
    folder: Path,
    columns: Mapping[str, np.ndarray],
    texts: Mapping[str, Sequence[Any]],
    rounds: Sequence[ScoredRound],
    pixels: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str],
    rank_by: str = INFLUENCE_RANKING,
) -> None:
    """Writes `influence.npz`, `dropped.csv`, the gallery of the most unfavorable samples (Fig. 2), and the histogram.

    The gallery has the samples with the largest scores, none whose influence is not positive, and frames those that
    were dropped. Rankings that are no influence have no histogram.

    Args:
        folder: Where to.
        columns: What else the table says of every sample; each array has a row for each.
        texts: What the list for a human says besides, or in the place of numbers.
        rounds: The scored rounds; with more than two, gallery and histogram show the first.
        pixels: Function from indices of samples to their pictures, floats in [0, 1].
        names: What captions call the samples.
        rank_by: What the scores are; the tables call them that.
    """
    write_influence_tables(folder, columns, texts, rounds, len(names), rank_by)
    first = rounds[0]
    dropped = np.isin(first.samples, first.dropped)
    worst = np.argsort(-first.scores, kind="stable")[:GALLERY_SAMPLES]
    if rank_by == INFLUENCE_RANKING:
        worst = worst[first.scores[worst] > 0]
    captions = [f"{names[first.samples[at]]}\n{first.scores[at]:.3g}" for at in worst]
    shown = pixels(first.samples[worst])
    replace(folder / "unfavorable.png", lambda path: plots.gallery(path, shown, captions, marked=dropped[worst]))
    pictures = [folder / "unfavorable.png"]
    if rank_by == INFLUENCE_RANKING:
        threshold = first.scores[dropped].min() if dropped.any() else None
        pictures.append(folder / "influence.png")
        replace(pictures[-1], lambda path: plots.influence_histogram(path, first.scores, threshold, dropped))
    write_pictures(folder, "influence", pictures)


def write_influence_tables(
    folder: Path,
    columns: Mapping[str, np.ndarray],
    texts: Mapping[str, Sequence[Any]],
    rounds: Sequence[ScoredRound],
    samples: int,
    rank_by: str = INFLUENCE_RANKING,
) -> None:
    """Writes the tables alone, `influence.npz` and `dropped.csv`.

    Args:
        folder, columns, texts, rounds, rank_by: As for `write_influence`.
        samples: Number of samples.
    """
    influence, spread = np.full((2, samples), np.nan)
    harmed = np.full((samples, HARMED), -1)
    dropped_after_round = np.zeros(samples, int)
    for round in rounds:
        influence[round.samples] = round.scores
        if round.spread is not None:
            spread[round.samples] = round.spread
        if round.harmed is not None:
            harmed[round.samples] = round.harmed
        dropped_after_round[round.dropped] = round.number
    spreads = {} if np.isnan(spread).all() else {"spread": spread}
    numbers = {} if (harmed < 0).all() else {"harmed": harmed}
    table = {
        **columns,
        rank_by: influence,  # of the last round that still had the sample
        **spreads,
        **numbers,
        "dropped_after_round": dropped_after_round,
        "kept": dropped_after_round == 0,
    }
    replace(folder / INFLUENCE, lambda path: np.savez(path, **table))
    shown = {name: [" ".join(str(one) for one in row if one >= 0) for row in rows] for name, rows in numbers.items()}
    listed = {**columns, **texts, **spreads, **shown}
    write_drop_list(folder / DROP_LIST, listed, influence, dropped_after_round, rank_by)
