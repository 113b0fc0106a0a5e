"""The table at the end of a classification run, made from its `result.json` alone."""

import numpy as np

from tfdrop.tasks.choice_lines import choice_lines
from tfdrop.tasks.classification.held_out import measured
from tfdrop.tasks.classification.removal_curve import curve_lines
from tfdrop.tasks.comparison_lines import comparison_lines, meaning_lines
from tfdrop.tasks.dropped_groups import dropped_line, dropped_word
from tfdrop.tasks.influence_line import influence_line
from tfdrop.tasks.timings import timing_line

MEASURE = "test error of the last epoch, %"


def classification_report(result):
    """Returns the text: what was dropped, and the test errors training by training."""
    lines = [_influence_line(run, found, result) for run in result["runs"] for found in run["influence"]]
    lines += [line for run in result["runs"] if "choice" in run for line in _choice_lines(run, result)]
    lines += [_timing_line(run, result) for run in result["runs"] if run.get("seconds")]
    errors = last_errors(result)
    lines += ["", *_table(result), *comparison_lines(errors, result["rounds"], MEASURE, digits=2, lower_is_better=True)]
    if "curve" in result:
        lines += curve_lines(errors, result["curve"], MEASURE, digits=2, lower_is_better=True)
    lines += meaning_lines(_names(result), result["rounds"], "images")
    lines += _dropping_lines(result)
    if "recipe" in result:
        lines += ["", *_paper_lines(result)]
    return "\n".join(lines).strip("\n")


def _influence_line(run, found, result):
    seed = f"Seed {run['seed']}, round" if len(result["runs"]) > 1 else "Round"
    by_class = dropped_line(found.get("dropped_by_class", []), "class")
    unfavorable = f"{found['unfavorable']} are unfavorable (influence > 0), " if "unfavorable" in found else ""
    return (
        f"{seed} {found['round']}: of {found['images']} images {unfavorable}{found['dropped']} {dropped_word(found)}.\n"
        f"  {influence_line(found)}" + f"\n  {by_class}" * bool(by_class)
    )


def _choice_lines(run, result):
    seed = f"Seed {run['seed']}: " if len(result["runs"]) > 1 else ""
    first, *others = choice_lines(run["choice"], *measured(run["choice"]))
    return [seed + first, *others]


def _timing_line(run, result):
    seed = f"Seed {run['seed']}: " if len(result["runs"]) > 1 else ""
    return seed + timing_line(run["seconds"])


def _names(result):
    return [training["name"] for training in result["runs"][0]["trainings"]]


def _table(result):
    """Returns the lines of the table: one a training, the mean over the seeds with its spread."""
    top5 = "test_top5_error" in result["runs"][0]["trainings"][0]["last"]
    header = ["test error (%)", "images", "last epoch", *["top-5"] * top5, "best epoch", *["top-5"] * top5, "at"]
    body = []
    for name in _names(result):
        found = _of_all_seeds(result, name)
        row = [name, _mean([training["images"] for training in found], 0)]
        for when in ("last", "best"):
            for key in ("test_error", "test_top5_error")[: 1 + top5]:
                row.append(_mean([training[when][key] for training in found], 2))
        body.append([*row, _mean([training["best"]["epoch"] for training in found], 0)])
    if (paper := paper_error(result)) is not None:
        header.append("paper")
        for row in body:
            row.append(paper if row[0] == f"round {result['rounds']}" else "")
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    lines = []
    for first, *rest in [header, *body]:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    lines.insert(1, "-" * len(lines[0]))
    lines.append("The best epoch is chosen on the test set, as in FocusedDropout's paper.")
    runs = len(result["runs"])
    return lines + [f"Means and standard deviations of {runs} seeds."] * (runs > 1)


def last_errors(result):
    """Returns by the trainings' names the test error after the last epoch of each seed, in percent."""
    return {
        name: [training["last"]["test_error"] for training in _of_all_seeds(result, name)] for name in _names(result)
    }


def _of_all_seeds(result, name):
    return [training for run in result["runs"] for training in run["trainings"] if training["name"] == name]


def _mean(values, digits):
    text = f"{np.mean(values):.{digits}f}"
    return f"{text} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else text


def _dropping_lines(result):
    """Returns the test errors with drop layers at work, a line a rate."""
    runs = [run["while_dropping"] for run in result["runs"]]
    lines = [
        f"  rate {same[0]['rate']:g}: {_mean([tested['test_error'] for tested in same], 2)} %"
        for same in zip(*runs, strict=True)
    ]
    return ["", "Last round's network tested while dropping:", *lines] if lines else []


def paper_error(result):
    """Returns the paper's top-1 error as a text, to stand in the table beside what it is to be compared with."""
    paper = result.get("recipe", {}).get("paper", {})
    if "accuracy" in paper:
        return f"{100 - paper['accuracy']:.2f}"
    return f"{paper['error']:.2f}" if "error" in paper else None


def _paper_lines(result):
    recipe = result["recipe"]
    lines = [f"Paper, {recipe['source']}: {recipe['text']}."]
    if recipe["overridden"]:
        lines.append(f"It is for other settings than these: {' '.join(recipe['overridden'])}")
    return lines
