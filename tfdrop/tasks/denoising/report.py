"""The table at the end of a denoising run, made from its `result.json` alone."""

import numpy as np

from tfdrop.tasks.choice_lines import choice_lines
from tfdrop.tasks.comparison_lines import comparison_lines, meaning_lines
from tfdrop.tasks.dropped_groups import dropped_line, dropped_word
from tfdrop.tasks.influence_line import influence_line
from tfdrop.tasks.timings import timing_line

PAPER_COLUMNS = {"round 1": "DnCNN", "round 2": "DnCNN++"}


def denoising_report(result: dict) -> str:
    """Returns the text: what was dropped, and PSNR and SSIM image by image; with several seeds, their averages too."""
    if "runs" not in result:
        return "\n".join(_lines(result) + _beside_controls([result]))
    parts = [[f"Seed {run['seed']}", *_lines(run), ""] for run in result["runs"]]
    return "\n".join([line for lines in parts for line in lines] + _over_seeds(result["runs"]))


def _lines(result):
    lines = [_round_line(summary) for summary in result.get("rounds", [])]
    lines += [f"{control['name']}: trained on {control['patches']} patches." for control in result.get("controls", [])]
    if choice := result.get("choice"):
        images = ", ".join(choice["images"])
        what = f"mean squared error (of pixels from 0 to 255) of images that no score comes from, {images}"
        lines += choice_lines(choice, what, digits=2)
    lines += [timing_line(result["seconds"])] if result.get("seconds") else []
    return [*lines, "", *_table(result), *meaning_lines([*_averages(result)], len(result.get("rounds", [])), "patches")]


def _over_seeds(runs):
    """Returns the lines of the average PSNR of each method, its mean and standard deviation over the seeds."""
    averages = [_averages(run) for run in runs]
    lines = [f"Average PSNR (dB) over the images: mean and standard deviation of {len(runs)} seeds"]
    for method in _methods(averages):
        values = [scores[method]["psnr"] for scores in averages]
        lines.append(f"  {method}: {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")
    return lines + _beside_controls(runs)


def _beside_controls(runs):
    """Returns the lines about the last round's average PSNR beside its controls', paired by seed."""
    averages = [_averages(run) for run in runs]
    found = {method: [scores[method]["psnr"] for scores in averages] for method in _methods(averages)}
    rounds = len(runs[0].get("rounds", [1]))
    return comparison_lines(found, rounds, "average PSNR, dB", digits=3, lower_is_better=False)


def _methods(averages):
    """Returns the methods that all seeds have: an earlier release left a control out where nothing was dropped."""
    return [method for method in averages[0] if all(method in scores for scores in averages)]


def _averages(run):
    return average([image["scores"] for image in run["images"]])


def _round_line(summary):
    line = f"Round {summary['round']}: trained on {summary['patches']} patches"
    if (influence := summary.get("influence")) is None:
        return line + "."
    by_image = dropped_line(summary.get("dropped_by_image", []), "image")
    return (
        f"{line}; {influence['unfavorable']} are unfavorable (influence > 0), {summary['dropped']} "
        f"{dropped_word(summary)}.\n"
        f"  {influence_line(influence)}" + f"\n  {by_image}" * bool(by_image)
    )


def _table(result):
    """Returns the lines of the table: one an image, and the averages."""
    images = result["images"]
    methods = list(images[0]["scores"])
    paper = all("paper" in image for image in images)
    header = ["PSNR (dB) SSIM", *methods]
    body = [[image["name"], *_cells(image["scores"])] for image in images]
    body.append(["average", *_cells(_averages(result))])
    if paper:
        header += [f"paper {name}" for name in PAPER_COLUMNS.values()]
        for row, image in zip(body, images, strict=False):
            row += [f"{image['paper'][round]:.2f}" for round in PAPER_COLUMNS]
        body[-1] += _paper_averages(images)
        others = [image for image in images if image["name"] != "Starfish"]
        if 0 < len(others) < len(images):
            row = ["average without Starfish", *_cells(average([image["scores"] for image in others]))]
            body.append(row + _paper_averages(others))
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in [header, *body]
    ]
    first_average = 1 + len(images)
    rule = "-" * len(lines[0])
    return [lines[0], rule, *lines[1:first_average], rule, *lines[first_average:]]


def _cells(scores):
    return [f"{score['psnr']:.3f} {score['ssim']:.4f}" for score in scores.values()]


def _paper_averages(images):
    return [f"{sum(image['paper'][round] for image in images) / len(images):.3f}" for round in PAPER_COLUMNS]


def average(rows):
    """Returns the mean scores of each method over rows of scores."""
    return {
        method: {metric: float(np.mean([row[method][metric] for row in rows])) for metric in scores}
        for method, scores in rows[0].items()
    }
