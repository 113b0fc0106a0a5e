"""The list of a run's training samples, worst first: for a human to go through, and for the next run to leave out."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.checkpoint import replace

DROP_LIST = "dropped.csv"
DECISION, KEPT, DROPPED = "decision", "kept", "dropped"
IDENTITIES = ("file", "index")  # columns that tell which sample a row is of; the first that is there


def write_drop_list(
    path: Path, columns: Mapping[str, Any], scores: np.ndarray, dropped_after: np.ndarray, rank_by: str
) -> None:
    """Writes the list, one row a sample: those of the round that was dropped first, and then by their scores.

    Args:
        path: The file.
        columns: What it says of each sample, by the columns' names, `"file"` or `"index"` among them.
        scores: The samples' scores; NaN where they were not found.
        dropped_after: The round after which each was dropped; 0 for those that were kept.
        rank_by: What the scores are; the name of their column.
    """
    order = np.lexsort((-scores, dropped_after, dropped_after == 0))
    decisions = np.where(dropped_after > 0, DROPPED, KEPT)
    rounds = [str(number) if number else "" for number in dropped_after]
    table = {**columns, rank_by: scores, DECISION: decisions, "after_round": rounds}

    def write(partial: Path) -> None:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows([_text(column[row]) for column in table.values()] for row in order)

    replace(path, write)


def _text(value):
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def read_drop_list(path: str | Path, names: Mapping[str, Sequence[Any]]) -> np.ndarray:
    """Returns which samples a list leaves out: Boolean, one a sample.

    A row says "dropped" or "kept" in its column `decision`; without such a column all of them are dropped.

    Args:
        path: The file, as `write_drop_list` writes it, edited or not.
        names: What rows may call the samples, for some of `IDENTITIES` a sequence of one name each.

    Raises:
        ValueError: If the list is damaged or names a sample that is not there; the message has the line.
        OSError: If it cannot be read.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark before UTF-8
        try:
            return _dropped(csv.DictReader(file), names)
        except csv.Error as error:
            raise ValueError(str(error)) from error


def _dropped(reader, names):
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    identity = next((name for name in IDENTITIES if name in columns and name in names), None)
    if identity is None:
        possible = " or ".join(name for name in IDENTITIES if name in names)
        raise ValueError(f"expected a column {possible}. Received: {', '.join(columns) or 'no columns'}")
    places = {str(name): place for place, name in enumerate(names[identity])}
    dropped = np.zeros(len(places), bool)
    for row in reader:
        name, decision = ((row.get(column) or "").strip() for column in (identity, DECISION))
        if DECISION in columns and decision not in (KEPT, DROPPED):
            raise ValueError(
                f"line {reader.line_num}: expected {KEPT} or {DROPPED} as {DECISION}. Received: {decision}"
            )
        if name not in places:
            raise ValueError(f"line {reader.line_num}: no training sample with the {identity} {name!r}")
        dropped[places[name]] = decision != KEPT
    return dropped
