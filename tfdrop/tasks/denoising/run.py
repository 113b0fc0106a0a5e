"""A denoising run: rounds of training with data dropout between them, controls, over seeds, then the report."""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np

from tfdrop import plots
from tfdrop.checkpoint import replace
from tfdrop.errors import blaming
from tfdrop.models import load_dncnn
from tfdrop.models.trained_for import TrainedFor, note_trained_for
from tfdrop.tasks.arm import FULL, RANDOM
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.report import denoising_report
from tfdrop.tasks.denoising.scores import evaluate
from tfdrop.tasks.denoising.set12 import SET12, fingerprint
from tfdrop.tasks.denoising.task import DenoisingTask
from tfdrop.tasks.dropped_groups import count_dropped
from tfdrop.tasks.influence_files import scored_rounds, write_influence
from tfdrop.tasks.lock import locked
from tfdrop.tasks.rounds import OF_A_RUNNING_ONE, run_rounds, score_seeds
from tfdrop.tasks.shown_result import show_result
from tfdrop.tasks.starts import about_starts, noted_start
from tfdrop.tasks.workdir import REPORT, RESULT
from tfdrop.training.events import EVENTS, write_pictures

LONGEST_NAME = 120  # of an image, in the names of files


def run(settings, data, workdir, pace=None, only=None):
    """Does what the settings ask for and prints the report; a finished run's report is printed again.

    Args:
        settings: `DenoiseSettings`.
        data: `DenoiseData` of the first seed.
        workdir: `Workdir`.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.
        only: Seeds of a slice: these alone are run then, or, of a run from one seed, replayed; nothing is reported.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If another process is at work on a seed.
    """
    if only is not None:
        if only and not workdir.exists(RESULT):
            with noted_start(workdir, f"_from_seed{only[0]}"):
                _slice(settings, data, workdir.path, only, pace)
        return
    if not workdir.exists(RESULT):
        for note in data.notes:
            print(note)
        with noted_start(workdir):
            if settings.seeds == 1:
                result = _result(settings, data, workdir.path, pace)
            else:
                result = {"runs": [_seed_result(settings, seed, workdir.path, pace) for seed in _seeds(settings)]}
        workdir.remove(REPORT)  # of a result that is no more
        about = {"seeds": list(_seeds(settings)), "notes": list(data.notes), **about_starts(workdir)}
        workdir.write_json(RESULT, result | about)
        workdir.remove(*OF_A_RUNNING_ONE)
    show_result(workdir, denoising_report, data)


def _slice(settings, data, path, seeds, pace):
    """Runs some of several seeds; of one alone, scores its patches by trainings from some seeds."""
    if settings.seeds == 1:
        return score_seeds(DenoisingTask(settings, data, rated=False), settings, path, seeds, pace)
    for seed in seeds:
        _seed_result(settings, seed, path, pace)


def _seeds(settings):
    return range(settings.seed, settings.seed + settings.seeds)


def _seed_result(settings, seed, path, pace):
    """Returns the result of one of several seeds, of which an earlier start may have done some or all."""
    settings = dataclasses.replace(settings, seed=seed)
    folder = path / f"seed{seed}"
    finished = folder / RESULT
    with locked(folder):
        if finished.exists():
            return json.loads(finished.read_text())
        result = {"seed": seed, **_result(settings, read_data(settings), folder, pace)}
        replace(finished, lambda partial: partial.write_text(json.dumps(result, indent=1) + "\n"))
        return json.loads(finished.read_text())


def _result(settings, data, folder, pace):
    """Returns the result of one seed: what the rounds and controls were trained on, and how each image came out."""
    if settings.evaluate_only:
        with blaming("weights", settings.weights):
            models, trained = {"weights": load_dncnn(Path(settings.weights).expanduser())}, {}
    else:
        models, trained = _trained(settings, data, folder, pace)
    rated = evaluate(models, data.test, settings.measured_sigma, settings.psnr)
    _write_comparisons(rated, folder)
    return {**trained, "images": [_image_result(settings, image, scores) for image, _, scores in rated]}


def _trained(settings, data, folder, pace):
    """Returns the models by name, and what they were trained on."""
    (folder / EVENTS).mkdir(parents=True, exist_ok=True)
    task = DenoisingTask(settings, data, rated=False)
    found = run_rounds(task, settings, folder, _augment_later(settings), pace)
    arms, results = found.arms, found.results
    images = np.array([image.name for image in data.patch_images])[data.patches.image]
    if scored := scored_rounds(found.done, arms):
        _write_patch_influence(folder, scored, data.patches, images)
    dropped = {round.number: round.dropped for round in scored}
    summaries = [_summary(settings, arm, results[arm.name], dropped, images) for arm in arms]
    others = [{"name": name, "patches": results[name]["patches"]} for name in list(results)[len(arms) :]]
    low, high = settings.levels
    for path in filter(Path.exists, map(found.done.model_path, results)):
        note_trained_for(path, TrainedFor(low, high, settings.channels))
    about = {"rounds": summaries, "seconds": found.seconds}
    if found.choice is not None:
        about["choice"] = found.choice | {"images": [image.name for image in data.held_out]}
    return {name: found.network(name) for name in results}, about | ({"controls": others} if others else {})


def _augment_later(settings):
    return 1 < settings.augment_from_round <= settings.rounds


def _summary(settings, arm, result, dropped, images):
    """Returns a round's part of the result."""
    summary = {"round": arm.round, "patches": result["patches"]}
    if result["influence"] is not None:
        summary |= {"dropped": len(dropped[arm.round]), "influence": result["influence"]}
        summary |= {"drop_weight": settings.drop_weight, "dropped_by_image": count_dropped(images, dropped[arm.round])}
    return summary


def _image_result(settings, image, scores):
    """Returns an image's part of the result, with the paper's figures where it is one of Set12's."""
    result = {"name": image.name, "scores": scores}
    if (paper := SET12.get(fingerprint(image.pixels))) and settings.measured_sigma == 25:
        result |= {"name": paper.name, "paper": {"round 1": paper.round_1, "round 2": paper.round_2}}
    return result


def _write_comparisons(rated, folder):
    """Draws each test image as the paper's Fig. 4 does: noisy, denoised by every method, and clean; no controls."""
    paths = []
    for image, outputs, scores in rated:
        shown = {name: pixels for name, pixels in outputs.items() if name not in (FULL, RANDOM)}
        pictures = [(f"{name}, {scores[name]['psnr']:.2f} dB", pixels) for name, pixels in shown.items()]
        pictures.append((f"{image.name[:40]}, clean", image.pixels))
        path = folder / f"comparison_{image.name[:LONGEST_NAME]}.png"
        replace(path, functools.partial(_draw, pictures))
        paths.append(path)
    write_pictures(folder, "comparisons", paths)


def _draw(pictures, path):
    plots.comparison(path, pictures)


def _write_patch_influence(folder, scored, patches, names):
    columns = {"index": np.arange(len(names)), "image": names, "top": patches.top, "left": patches.left}
    write_influence(folder, columns, {}, scored, lambda chosen: patches.pixels[chosen], names)
