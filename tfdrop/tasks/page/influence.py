"""The section of a page about how influence was found, and what that cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfdrop.tasks.dropped_groups import dropped_word
from tfdrop.tasks.influence_line import MEASURES, influence_line
from tfdrop.tasks.page.numbers import count_text, seconds_text
from tfdrop.tasks.page.parts import Section, Table
from tfdrop.tasks.page.samples import ScoredSamples, group_counts, histogram
from tfdrop.tasks.ranking import INFLUENCE_RANKING, TITLES


def first_round_sentence(scored: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """Returns the sentence about how many samples were unfavorable in a list; an empty one where none were scored.

    Args:
        scored: The summaries of the scored rounds of all seeds; the first round's are told of.
        unit: "images" or "patches".
    """
    first = [each for each in scored if each["round"] == 1]
    if not first:
        return []
    samples, dropped = (np.mean([each[key] for each in first]) for key in (unit, "dropped"))
    mean = f" in the mean of {len(first)} seeds" if len(first) > 1 else ""
    groups = first[0].get("dropped_by_class") or first[0].get("dropped_by_image") or []
    name = "class" if "dropped_by_class" in first[0] else "image"
    most = f"; {name} {groups[0][0]} lost most, {groups[0][1]} of {groups[0][2]}" if groups and not mean else ""
    rankings = {each.get("rank_by", INFLUENCE_RANKING) for each in first}
    if rankings != {INFLUENCE_RANKING}:
        by = " or ".join(sorted(TITLES[ranking] for ranking in rankings))
        lost = f"{count_text(dropped)} were {dropped_word(first[0])}{mean}, the worst by {by}{most}"
        return [f"Of {count_text(samples)} training {unit}, {lost}."]
    unfavorable = np.mean([each["unfavorable"] for each in first])
    return [
        f"Of {count_text(samples)} training {unit}, the network of round 1 finds {count_text(unfavorable)} "
        f"({unfavorable / samples:.1%}) unfavorable, and {count_text(dropped)} were "
        f"{dropped_word(first[0])}{mean}{most}."
    ]


def influence_section(
    scored: Sequence[tuple[str, Mapping[str, Any]]],
    seconds: Mapping[str, Mapping[str, float]],
    samples: ScoredSamples | None,
) -> Section:
    """Returns the section about influence.

    Args:
        scored: For each scored round its name and the summary of its influence: counts and the computation's figures.
        seconds: For each training the seconds of its steps.
        samples: The samples, for the pictures.
    """
    tables = [_figures(name, found) for name, found in scored]
    if seconds:
        tables.append(_times(seconds))
    pictures = [] if samples is None or not samples.has_zero else [histogram(samples), group_counts(samples)]
    lines = [f"{name[0].upper()}{name[1:]}: {influence_line(found)}" for name, found in scored]
    return Section("Ranking" if "rank_by" in scored[0][1] else "Influence", lines, tables, pictures)


def _figures(name, found):
    unit = "images" if "images" in found else "patches"
    rows = [[f"Training {unit}", count_text(found[unit])]]
    if "unfavorable" in found:
        rows.append(["Unfavorable (influence above 0)", _of(found["unfavorable"], found[unit])])
    rows.append([dropped_word(found).capitalize(), _of(found["dropped"], found[unit])])
    if "rank_by" in found:
        rows.append(["Ranked by", TITLES[found["rank_by"]]])
    elif "horizon" in found:
        rows += [["Found by", "replay of the training"], ["Measure", MEASURES[found["measure"]]]]
        rows += [["Share of the training walked back", f"{found['horizon']:.0%}"]]
        rows += [["Seeds averaged over", _seeds(found)]] if "seeds" in found else []
        rows += [["Metasmoothness", f"{found['smoothness']:.3f}"]] if "smoothness" in found else []
    else:
        low, high = found["smallest_eigenvalue"], found["largest_eigenvalue"]
        rows += [
            ["Found by", f"influence functions with the {found['curvature'].replace('_', '-')} matrix"],
            *([["Basis", f"{found['basis']} vectors"]] if "basis" in found else []),
            ["Damping", f"{found['damping']:.4g}"],
            ["Eigenvalues, about", f"{low:.4g} to {high:.4g}"],
            *([["Scale", f"{found['scale']:.4g}"]] if found.get("scale") is not None else []),
            ["Relative residual", f"{found['residual']:.3g}{'' if found['converged'] else ', not converged'}"],
        ]
    return Table(f"{name[0].upper()}{name[1:]}", ["", ""], rows)


def _seeds(found):
    cut = found.get("trimmed")
    return f"{found['seeds']}" + (f", without the lowest and highest {cut} of each score" if cut else "")


def _of(count, total):
    return f"{count_text(count)} ({count / max(total, 1):.1%})"


def _times(seconds):
    rows = []
    for training, steps in seconds.items():
        if "training" in steps:
            rows.append([training, seconds_text(steps["training"])])
        if "influence" in steps:
            rows.append([f"finding samples to drop after {training}", seconds_text(steps["influence"])])
    total = sum(value for steps in seconds.values() for value in steps.values())
    return Table("What it cost", ["step", "time"], [*rows, ["in all", seconds_text(total)]])
