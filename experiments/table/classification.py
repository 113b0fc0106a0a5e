"""What the results page says of a classification experiment."""

from experiments.table.paired import paired_lines
from experiments.table.spread import finished_results, spread

HEADER = (
    "| arm | test error, last epoch | best epoch | images dropped | paper | difference |",
    "|---|---|---|---|---|---|",
)


def classification_lines(experiment, states):
    """Returns the lines of an experiment's table, a line an arm; errors in percent."""
    rows = [*HEADER, *(_row(arm, states) for arm in experiment.arms), ""]
    return rows + paired_lines(experiment, states, lambda result: result["last"]["test_error"], 2)


def _row(arm, states):
    found = finished_results(arm, states)
    paper = "" if arm.paper is None else str(arm.paper)
    if not found:
        return f"| {arm.name} | not run | | | {paper} | |"
    errors = {when: [result[when]["test_error"] for result in found] for when in ("last", "best")}
    cells = [arm.name, spread(errors["last"], 2), spread(errors["best"], 2)]
    cells += [", ".join(_dropped(result) for result in found), paper, _difference(arm.paper, errors)]
    return f"| {' | '.join(cells)} |"


def _dropped(result):
    influence = result["influence"]
    return str(result["dropped"]) + (f" ({influence['unfavorable']} unfavorable)" if influence else "")


def _difference(paper, errors):
    """The mean error less the paper's, each of the epoch that the paper reports."""
    if paper is None or paper.top1_error is None:
        return ""
    measured = errors["best" if paper.best_epoch else "last"]
    return f"{sum(measured) / len(measured) - paper.top1_error:+.2f}"
