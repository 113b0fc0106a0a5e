"""What both tasks' pages say of trainings: curves, differences to the controls, how many to drop was chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.tasks.arm import round_name
from tfdrop.tasks.choice_lines import beyond_chance, candidate_names, chosen_name
from tfdrop.tasks.comparison_lines import control_differences
from tfdrop.tasks.page.parts import Picture, Table, drawn
from tfdrop.tasks.run_folder import SeedRun


def seed_curves(seeds: Sequence[SeedRun], trainings: Sequence[str], quantity: str) -> dict[str, np.ndarray]:
    """Returns a quantity of trainings by name, each of shape `(seeds, epochs)`; what was not recorded is left out."""
    found = {}
    for name in trainings:
        curves = [curve for seed in seeds if (curve := seed.curve(name, quantity))]
        if curves and len({len(curve) for curve in curves}) == 1:
            found[name] = np.array(curves)
    return found


def curves_pictures(seeds: Sequence[SeedRun], trainings: Sequence[str], quantities: Mapping[str, str]) -> list[Picture]:
    """Returns the curves over the epochs, a picture for each quantity that was recorded.

    Args:
        seeds: The seeds.
        trainings: The trainings' names.
        quantities: What the record calls the quantities, and what the axes do.
    """
    pictures = []
    for quantity, label in quantities.items():
        if lines := seed_curves(seeds, trainings, quantity):
            lasts = ", ".join(f"{name} {values[:, -1].mean():.4g}" for name, values in lines.items())
            alt = f"Curves of the {label} over the epochs; after the last one: {lasts}."
            pictures.append(drawn(plots.curves, {label: lines}, alt=alt, caption=f"{label.capitalize()} by epoch"))
    return pictures


def differences_table(
    values: Mapping[str, Sequence[float]], rounds: int, what: str, digits: int, lower_is_better: bool
) -> list[Table]:
    """Returns the table of the last round beside its controls in a list; an empty one where there are none.

    Args:
        values, rounds, what, digits, lower_is_better: As for `tfdrop.tasks.comparison_lines.comparison_lines`.
    """
    found = control_differences(values, rounds)
    last = round_name(rounds).capitalize()
    if not found:
        return []
    rows = [
        [f"minus {name}", difference.text(digits), difference.verdict(lower_is_better)]
        for name, difference in found.items()
    ]
    seeds = len(values[round_name(rounds)])
    notes = ["One seed tells no difference from chance: --seeds=5 gives intervals."] if seeds == 1 else []
    interval = f", mean of {seeds} paired seeds with its 95 % interval" if seeds > 1 else ""
    return [Table(f"{last} beside its controls: {what}{interval}", ["", "difference", "verdict"], rows, notes)]


def choice_table(choice: Mapping[str, Any], what: str, digits: int) -> Table:
    """Returns the table of how many samples to drop was chosen by trainings."""
    means = np.mean(choice["held_out"], axis=1)
    rows = [
        [name, f"{mean:.{digits}f}", f"{mean - means[0]:+.{digits}f}" if at else ""]
        for at, (name, mean) in enumerate(zip(candidate_names(choice), means, strict=True))
    ]
    error = f"Standard error of a difference: {choice['standard_error']:.{digits}f}{beyond_chance(choice, digits)}."
    chosen = (
        f"Chosen: {chosen_name(choice)}." if choice["cap"] else "No evidence that any number helps: none is chosen."
    )
    trainings = len(choice["held_out"][0])
    return Table(f"{what}, mean of {trainings} trainings", ["dropped", "mean", "difference"], rows, [error, chosen])


def verdict_sentence(values: Mapping[str, Sequence[float]], rounds: int, lower_is_better: bool) -> list[str]:
    """Returns the sentence about what dropping did beside its controls in a list; an empty one where there are none."""
    found = control_differences(values, rounds)
    if not found:
        return []
    seeds = len(values[round_name(rounds)])
    if seeds == 1:
        return ["That is one seed, which tells no difference from chance."]
    verdicts = [f"beside {name} it {difference.verdict(lower_is_better)}" for name, difference in found.items()]
    return [f"Over {seeds} seeds, {' and '.join(verdicts)}."]
