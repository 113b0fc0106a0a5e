"""The first section of the page: the test errors of some arms on every set, read from the other sections."""

from benchmarks import pages
from benchmarks.wrong_labels.arms import FULL, ORACLE, RANDOM
from benchmarks.wrong_labels.rankings import CLASSICAL, CONFIDENT, PRINTED, REPLAYS, TITLES

HEADING = "## In short"
EXPECTED_ERROR = {measure: title for title, measure in REPLAYS.items()}["expected_error"]
SHOWN = (FULL, ORACLE, RANDOM, TITLES["el2n"], CONFIDENT, CLASSICAL, EXPECTED_ERROR, PRINTED)


def overview(page: str) -> str:
    """Returns the section of a page that has other sections, heading included."""
    text = pages.wrapped(
        "Test errors in percent after the last epoch, means over n repetitions, with as many samples dropped as have "
        "wrong labels, or 5 % where none are known to. Everything else about each row, the intervals first of all, is "
        "in its own section."
    )
    sections = (section.split("\n", 1) for section in page.split("\n## ")[1:])
    rows = [_row(name, lines) for name, lines in sections if f"## {name}" != HEADING]
    return "\n".join([HEADING, "", text, "", *pages.table(["", "n", *SHOWN], rows)])


def _row(heading: str, section: str) -> list[str]:
    lines = section.splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    error = cells[0].index("test error, %")
    errors = {row[0]: row[error] for row in cells[1:]}
    [n] = [line.split()[2] for line in lines if line.startswith("- n: ")]
    return [heading, n, *(errors.get(name, "") for name in SHOWN)]
