"""A denoising run: rounds of training with data dropout between them, then the report."""

import itertools
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np

from tfdrop import plots
from tfdrop.checkpoint import Pace
from tfdrop.data_dropout import Criterion, NothingLeftError, train_rounds
from tfdrop.errors import UserError, blaming
from tfdrop.models import load_dncnn
from tfdrop.tasks.denoising.report import denoising_report
from tfdrop.tasks.denoising.scores import CLASSICAL, evaluate
from tfdrop.tasks.denoising.set12 import SET12, fingerprint
from tfdrop.tasks.denoising.training import (
    denoiser_influence,
    train_denoiser,
    training_pairs,
    uncompiled_copy,
    validation_pairs,
)
from tfdrop.tasks.workdir import RESULT
from tfdrop.training.log import EVENTS
from tfdrop.training.resumable import CHECKPOINT

GALLERY_PATCHES = 48
LONGEST_NAME = 120  # of an image, in the names of files


def run(settings, data, workdir):
    """Does what the settings ask for and prints the report; a finished run's report is printed again."""
    if not workdir.exists(RESULT):
        start = time.monotonic()
        models, rounds = _evaluated(settings) if settings.evaluate_only else _trained(settings, data, workdir)
        rated = evaluate(models, data.test, settings.sigma, settings.psnr)
        _write_comparisons(rated, workdir)
        workdir.write_json(
            RESULT,
            {
                "rounds": [_summary(round) for round in rounds],
                "images": [_image_result(settings, image, scores) for image, _, scores in rated],
                "seconds_since_last_start": round(time.monotonic() - start, 1),
                "backend": keras.backend.backend(),
                "keras": keras.__version__,
            },
        )
        for checkpoint in workdir.path.glob("influence_round*.npz"):
            checkpoint.unlink()  # all of it is in influence.npz
    print(denoising_report(workdir.read_json(RESULT)))
    print(f"\nEverything is in {workdir.path}")


def _evaluated(settings):
    with blaming("weights", settings.weights):
        return {"weights": load_dncnn(Path(settings.weights).expanduser())}, []


def _trained(settings, data, workdir):
    """Returns the models by name and the `Round`s."""
    influences = itertools.count(1)
    (workdir.path / EVENTS).mkdir(exist_ok=True)

    def influence(model, train, validation):
        checkpoint = workdir.path / f"influence_round{next(influences)}.npz"
        return denoiser_influence(settings, model, train, validation, checkpoint, key=f"{len(train[1])} patches")

    try:
        rounds = train_rounds(
            partial(_train_model, settings, workdir),
            training_pairs(settings, data),
            validation_pairs(settings, data),
            rounds=settings.rounds,
            criterion=Criterion(cap=settings.max_drop_share),
            influence=influence,
        )
    except NothingLeftError as error:
        raise UserError(f"--max_drop_share={settings.max_drop_share}: {error}") from error
    if settings.rounds > 1:
        _write_influence(rounds, data, workdir)
    return {f"round {round.number}": round.model for round in rounds}, rounds


def _train_model(settings, workdir, train, round):
    """Trains one round's model, or loads it where an earlier start of this run has finished it."""
    finished = workdir.path / f"round{round}.keras"
    if finished.exists():
        print(f"Round {round}: going on from {finished}")
        return keras.saving.load_model(finished)
    augment = 0 < settings.augment_from_round <= round
    model = train_denoiser(settings, train, f"round {round}", augment, workdir.path, "", Pace())
    model = uncompiled_copy(settings, model)  # of Keras's own layers alone: loads where tfdrop is not installed
    workdir.write(finished.name, model.save)
    (workdir.path / CHECKPOINT).unlink(missing_ok=True)
    return model


def _image_result(settings, image, scores):
    """Returns an image's part of the result, with the paper's figures where it is one of Set12's."""
    result = {"name": image.name, "scores": scores}
    if (paper := SET12.get(fingerprint(image.pixels))) and settings.sigma == 25:
        result |= {"name": paper.name, "paper": {"round 1": paper.round_1, "round 2": paper.round_2}}
    return result


def _write_comparisons(rated, workdir):
    """Draws each test image: noisy, denoised by every model, and clean."""
    for image, outputs, scores in rated:
        shown = {name: pixels for name, pixels in outputs.items() if name != CLASSICAL}
        pictures = [(f"{name}, {scores[name]['psnr']:.2f} dB", pixels) for name, pixels in shown.items()]
        pictures.append((f"{image.name[:40]}, clean", image.pixels))
        name = f"comparison_{image.name[:LONGEST_NAME]}.png"
        workdir.write(name, lambda path, shown=pictures: plots.comparison(path, shown))


def _write_influence(rounds, data, workdir):
    """Writes `influence.npz`, the gallery of the most unfavorable patches, and the histogram."""
    patches = data.patches
    influence = np.full(len(patches.image), np.nan)
    dropped_after_round = np.zeros(len(patches.image), int)
    for round in rounds[:-1]:
        influence[round.samples] = round.influence.scores
        dropped_after_round[round.dropped] = round.number
    table = {
        "index": np.arange(len(patches.image)),
        "image": np.array([image.name for image in data.patch_images])[patches.image],
        "top": patches.top,
        "left": patches.left,
        "influence": influence,  # of the last round that still had the patch
        "dropped_after_round": dropped_after_round,
        "kept": dropped_after_round == 0,
    }
    workdir.write("influence.npz", lambda path: np.savez(path, **table))

    first = rounds[0]
    scores = first.influence.scores
    worst = np.argsort(-scores)[:GALLERY_PATCHES]
    captions = [f"{table['image'][at][:12]}\n{scores[at]:.3g}" for at in worst]
    workdir.write("unfavorable.png", lambda path: plots.gallery(path, patches.pixels[worst], captions))
    threshold = scores[first.dropped].min() if len(first.dropped) else None
    workdir.write("influence.png", lambda path: plots.influence_histogram(path, scores, threshold))


def _summary(round):
    """Returns a round's part of the result."""
    summary = {"round": round.number, "patches": len(round.samples)}
    if (influence := round.influence) is not None:
        summary["dropped"] = len(round.dropped)
        summary["influence"] = {
            "unfavorable": round.unfavorable,
            "curvature": influence.curvature,
            "damping": influence.damping,
            "scale": influence.scale,
            "smallest_eigenvalue": influence.spectrum.smallest,
            "largest_eigenvalue": influence.spectrum.largest,
            "residual": influence.residual,
            "converged": influence.converged,
        }
    return summary
