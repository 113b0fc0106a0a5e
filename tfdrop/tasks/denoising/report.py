"""The table at the end of a denoising run, made from its `result.json` alone."""

from tfdrop.tasks.denoising.scores import average

PAPER_COLUMNS = {"round 1": "DnCNN", "round 2": "DnCNN++"}


def denoising_report(result):
    """Returns the text: what was dropped, and PSNR and SSIM image by image."""
    lines = [_round_line(summary) for summary in result["rounds"]]
    return "\n".join([*lines, "", *_table(result)])


def _round_line(summary):
    line = f"Round {summary['round']}: trained on {summary['patches']} patches"
    if (influence := summary.get("influence")) is None:
        return line + "."
    return (
        f"{line}; {influence['unfavorable']} are unfavorable (influence > 0), {summary['dropped']} dropped.\n"
        f"  Solve with {influence['curvature']} + {influence['damping']:.4g} I "
        f"(eigenvalues about {influence['smallest_eigenvalue']:.4g} to {influence['largest_eigenvalue']:.4g}): "
        f"relative residual {influence['residual']:.3f}{'' if influence['converged'] else ', not converged'}."
    )


def _table(result):
    """Returns the lines of the table: one an image, and the averages."""
    images = result["images"]
    methods = list(images[0]["scores"])
    paper = all("paper" in image for image in images)
    header = ["PSNR (dB) SSIM", *methods]
    body = [[image["name"], *_cells(image["scores"])] for image in images]
    body.append(["average", *_cells(average([image["scores"] for image in images]))])
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
