"""The samples on a page: the galleries of those that harm and help most, the table, the counts by class."""

from typing import Any, NamedTuple

import numpy as np

from tfdrop import plots
from tfdrop.tasks.page.numbers import count_text
from tfdrop.tasks.page.parts import Gallery, Picture, Samples, Section, Tile, drawn, thumbnail
from tfdrop.tasks.ranking import INFLUENCE_RANKING, RANKINGS
from tfdrop.tasks.run_folder import RunFolder, SeedRun

WORST, BEST = 48, 24  # in the galleries
LISTED_WORST, LISTED_BEST = 240, 60  # in the table


class ScoredSamples(NamedTuple):
    """The training samples of a seed, as a page shows them.

    Attributes:
        scores: What each was ranked by, its influence for example; NaN where it was not found.
        dropped_after: The round after which each was dropped; 0 for those that were kept.
        groups: The class of each, or the image that it was cut from.
        names: What else tells them apart: their files, indices or places.
        predicted: What the first network takes each for; empty for patches.
        probability: How probable it thinks that is; NaN where that is not known.
        pixels: Function from a place to a picture in [0, 1], or `None` where the images cannot be read.
        unit: "images" or "patches".
        ranking: What the scores are: one of `tfdrop.tasks.ranking.RANKINGS`.
        why_not: Why there are no pictures; empty where there are.
    """

    scores: np.ndarray
    dropped_after: np.ndarray
    groups: list[str]
    names: list[str]
    predicted: list[str]
    probability: np.ndarray
    pixels: Any
    unit: str
    ranking: str
    why_not: str = ""

    @property
    def has_zero(self) -> bool:
        """Whether samples with a positive score harm, and the others help."""
        return self.ranking == INFLUENCE_RANKING

    @property
    def group(self) -> str:
        """What they are grouped by."""
        return "class" if self.unit == "images" else "image"


def scored_samples(run: RunFolder, seed: SeedRun) -> ScoredSamples | None:
    """Returns the samples of a seed; `None` where none were scored."""
    table = seed.scores()
    ranking = next((name for name in RANKINGS if name in table), None)
    if ranking is None:
        return None
    why_not, data = "", None
    try:
        data = run.data(seed.seed)
    except (ValueError, OSError) as error:
        why_not = f"The samples cannot be shown: {error}"
    rows = seed.listed()
    listed = [rows.get(int(index), {}) for index in table["index"]]
    if run.classifies:
        groups = [row.get("label", str(label)) for row, label in zip(listed, table["label"], strict=True)]
        names = [row.get("file", str(index)) for row, index in zip(listed, table["index"], strict=True)]
        pixels = None if data is None else (lambda place: data.train[0][place] / 255.0)
    else:
        groups = [str(image) for image in table["image"]]
        names = [f"row {top}, column {left}" for top, left in zip(table["top"], table["left"], strict=True)]
        pixels = None if data is None else (lambda place: data.patches.pixels[place])
    return ScoredSamples(
        table[ranking],
        table["dropped_after_round"],
        groups,
        names,
        [row.get("predicted", "") for row in listed],
        np.array([_number(row.get("probability")) for row in listed]),
        pixels,
        "images" if run.classifies else "patches",
        ranking,
        why_not,
    )


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


def histogram(samples: ScoredSamples) -> Picture:
    """Returns the histogram of influences."""
    found = np.isfinite(samples.scores)
    scores, dropped = samples.scores[found], samples.dropped_after[found] > 0
    threshold = scores[dropped].min() if dropped.any() else None
    unfavorable, lost = int((scores > 0).sum()), int(dropped.sum())
    alt = f"Histogram of the influence of {len(scores)} training {samples.unit}: {unfavorable} above 0, {lost} dropped."
    return drawn(
        plots.influence_histogram, scores, threshold, dropped, alt=alt, caption="Influence on the validation set"
    )


def group_counts(samples: ScoredSamples) -> Picture:
    """Returns the chart of the unfavorable and dropped samples of each class, or of each image."""
    names, places = np.unique(samples.groups, return_inverse=True)

    def count(chosen):
        return np.bincount(places[chosen], minlength=len(names))

    found = np.isfinite(samples.scores)
    total, unfavorable = count(found), count(samples.scores > 0)
    most = names[np.argmax(unfavorable / np.maximum(total, 1))]
    alt = f"Unfavorable training {samples.unit} by {samples.group}: the largest share has {most}."
    caption = f"Unfavorable {samples.unit} by {samples.group}"
    counts = (total, unfavorable, count(samples.dropped_after > 0))
    return drawn(plots.class_counts, [str(name) for name in names], *counts, samples.group, alt=alt, caption=caption)


def samples_section(samples: ScoredSamples) -> Section:
    """Returns the section with the galleries and the table."""
    order = np.argsort(np.where(np.isfinite(samples.scores), -samples.scores, np.inf), kind="stable")
    order = order[np.isfinite(samples.scores[order])]
    worst, best = list(order[:WORST]), []
    if samples.has_zero:
        worst = [place for place in worst if samples.scores[place] > 0]
        best = [place for place in order[::-1][:BEST] if samples.scores[place] < 0]
    galleries = []
    if samples.pixels is not None:
        unit = samples.unit
        galleries = [
            Gallery(
                f"The {'most unfavorable' if samples.has_zero else 'worst'} {unit}; a frame: dropped",
                [_tile(samples, place) for place in worst],
            ),
            Gallery(f"The {unit} that help most", [_tile(samples, place) for place in best]),
        ]
    paragraphs = [samples.why_not] if samples.why_not else []
    return Section(
        f"The {samples.unit}",
        paragraphs,
        galleries=[gallery for gallery in galleries if gallery.tiles],
        samples=[_table(samples, order)],
    )


def _tile(samples, place):
    lines = [_given(samples, place), f"{_title(samples)} {samples.scores[place]:.3g}"]
    alt = f"Training {samples.unit[:-2] if samples.unit == 'patches' else samples.unit[:-1]}: {'; '.join(lines)}"
    return Tile(thumbnail(samples.pixels(place), alt), lines, bool(samples.dropped_after[place] > 0))


def _title(samples):
    return samples.ranking.replace("_", " ")


def _given(samples, place):
    """Returns what a sample is said to be and what the network takes it for."""
    group = samples.groups[place]
    if not samples.predicted[place]:
        return f"{group}, {samples.names[place]}"
    return f"{group}, taken for {samples.predicted[place]}"


def _table(samples, order):
    shown = np.unique(np.r_[0 : min(LISTED_WORST, len(order)), max(0, len(order) - LISTED_BEST) : len(order)])
    predicts = any(samples.predicted)
    header = ["picture", "sample", samples.group, *(["taken for", "probability"] if predicts else []), _title(samples)]
    rows = []
    for place in order[shown.astype(int)]:
        cells = [_sortable(samples.names[place]), (samples.groups[place], samples.groups[place])]
        if predicts:
            probability = samples.probability[place]
            text = "" if np.isnan(probability) else f"{probability:.1%}"
            cells += [(samples.predicted[place], samples.predicted[place]), (text, float(np.nan_to_num(probability)))]
        round = int(samples.dropped_after[place])
        cells += [(f"{samples.scores[place]:.4g}", float(samples.scores[place]))]
        cells += [(f"dropped after round {round}" if round else "kept", round)]
        picture = None if samples.pixels is None else thumbnail(samples.pixels(place), "", side=64)
        rows.append((picture, samples.groups[place], cells))
    caption = f"{len(rows)} of {count_text(len(order))} training {samples.unit}"
    if len(rows) < len(order):
        caption += f": the {LISTED_WORST} worst and the {LISTED_BEST} best; all are in dropped.csv"
    groups = sorted({group for _, group, _ in rows})
    numeric = (_title(samples), "probability")
    named = [(name, name not in numeric) for name in [*header, "decision"]]
    return Samples(caption, samples.group, groups, named, rows)


def _sortable(name):
    """Returns a name, and what it is sorted by: indices as numbers."""
    return (name, int(name)) if name.isdecimal() else (name, name)
