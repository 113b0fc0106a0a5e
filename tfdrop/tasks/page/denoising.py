"""The sections of a page about a denoising run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfdrop.tasks.arm import round_name
from tfdrop.tasks.denoising.report import PAPER_COLUMNS, average
from tfdrop.tasks.page.influence import first_round_sentence, influence_section
from tfdrop.tasks.page.numbers import mean_text
from tfdrop.tasks.page.parts import Picture, Section, Table, photograph
from tfdrop.tasks.page.samples import samples_section, scored_samples
from tfdrop.tasks.page.trainings import choice_table, curves_pictures, differences_table, verdict_sentence
from tfdrop.tasks.run_folder import RunFolder


def found_sentences(run: RunFolder) -> list[str]:
    """Returns what was found, in three sentences at most."""
    found = psnr_averages(run)
    trained = _rounds(run)
    sentences = first_round_sentence(_scored(run.seeds), "patches")
    best = [name for name in found if name in (round_name(trained), "weights")] or list(found)[-1:]
    others = [f"{np.mean(values):.2f} dB {_of(name)}" for name, values in found.items() if name not in best]
    images = len(run.seeds[0].result["images"])
    sentences.append(
        f"The average PSNR over {images} test images is {np.mean(found[best[0]]):.2f} dB {_of(best[0])}, "
        f"beside {', '.join(others)}."
    )
    return [*sentences, *verdict_sentence(found, trained, lower_is_better=False)]


def _of(name):
    words = {"noisy": "of the noisy input", "weights": "with the weights"}
    return words.get(name, f"of {name}")


def psnr_averages(run: RunFolder) -> dict[str, list[float]]:
    """Returns the average PSNR of each method in dB, seed by seed; methods that not every seed has are left out."""
    averages = [average([image["scores"] for image in seed.result["images"]]) for seed in run.seeds]
    return {
        method: [scores[method]["psnr"] for scores in averages]
        for method in averages[0]
        if all(method in scores for scores in averages)
    }


def _rounds(run):
    return len(run.seeds[0].result.get("rounds", [1]))


def _scored(seeds):
    """Returns the summaries of the scored rounds of some seeds, their figures among the counts."""
    return [
        {**{key: value for key, value in each.items() if key != "influence"}, **each["influence"]}
        for seed in seeds
        for each in seed.result.get("rounds", [])
        if each.get("influence") is not None
    ]


def sections(run: RunFolder) -> list[Section]:
    """Returns the sections of the page, but for what all pages have."""
    first = run.seeds[0].result
    names = [round_name(each["round"]) for each in first.get("rounds", [])]
    names += [each["name"] for each in first.get("controls", [])]
    tables = [_psnr_table(first)]
    if len(run.seeds) > 1:
        tables.append(_averages_table(run))
    tables += differences_table(psnr_averages(run), _rounds(run), "average PSNR, dB", 3, lower_is_better=False)
    if "choice" in first:
        what = f"mean squared error (of pixels from 0 to 255) on {', '.join(first['choice']['images'])}"
        tables.append(choice_table(first["choice"], f"How many to drop: {what}", digits=2))
    curves = curves_pictures(run.seeds, names, {"loss": "training loss"})
    made = [Section("PSNR and SSIM", [], tables, curves), Section("Test images", pictures=_comparisons(run))]
    samples = scored_samples(run, run.seeds[0])
    scored = [(round_name(each["round"]), each) for each in _scored(run.seeds[:1])]
    if scored:
        made.append(influence_section(scored, first.get("seconds", {}), samples))
    if samples is not None:
        made.append(samples_section(samples))
    return made


def _psnr_table(result: Mapping[str, Any]) -> Table:
    images = result["images"]
    methods = list(images[0]["scores"])
    paper = all("paper" in image for image in images)
    header = ["image", *methods, *([f"paper {name}" for name in PAPER_COLUMNS.values()] if paper else [])]
    rows = []
    for image in images:
        papers = [f"{image['paper'][round]:.2f}" for round in PAPER_COLUMNS] if paper else []
        rows.append([image["name"], *map(_score, image["scores"].values()), *papers])
    papers = [f"{np.mean([image['paper'][round] for image in images]):.3f}" for round in PAPER_COLUMNS] if paper else []
    rows.append(["average", *map(_score, average([image["scores"] for image in images]).values()), *papers])
    caption = "PSNR in dB and SSIM" + (f", seed {result['seed']}" if "seed" in result else "")
    return Table(caption, header, rows)


def _score(score):
    return f"{score['psnr']:.3f} / {score['ssim']:.4f}"


def _averages_table(run):
    rows = [[name, mean_text(values, 3)] for name, values in psnr_averages(run).items()]
    return Table(f"Average PSNR (dB), mean of {len(run.seeds)} seeds with its 95 % interval", ["", "PSNR"], rows)


def _comparisons(run) -> list[Picture]:
    """Returns the pictures of the test images, as the run wrote them."""
    folder = run.seeds[0].folder
    return [
        photograph(
            path, alt=f"Test image {path.stem.removeprefix('comparison_')}: noisy, denoised by each method, clean"
        )
        for path in sorted(folder.glob("comparison_*.png"))
    ]
