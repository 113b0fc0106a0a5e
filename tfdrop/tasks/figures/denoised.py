"""Data Dropout, Fig. 4: a test image, noisy and denoised by every method."""

from collections.abc import Sequence
from typing import Any

import keras

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.tasks.denoising.scores import evaluate
from tfdrop.tasks.figures.figure import Options, one, only
from tfdrop.tasks.run_folder import RunFolder


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    run = one(runs)
    only(runs, classifies=False)
    seed = run.seeds[0]
    images = run.data(seed.seed).test
    number = options.images[0] if options.images else 0
    if number >= len(images):
        raise UserError(f"--images={number}: there are {len(images)} test images, counted from 0")
    names = [f"round{found['round']}" for found in seed.result.get("rounds", [])]
    models = {
        name.replace("round", "round "): keras.saving.load_model(seed.folder / f"{name}.keras", compile=False)
        for name in names
    }
    [(image, outputs, scores)] = evaluate(models, [images[number]], run.settings.measured_sigma, run.settings.psnr)
    pictures = [(f"{name}, {scores[name]['psnr']:.2f} dB", pixels) for name, pixels in outputs.items()]
    plots.comparison(target, [*pictures, (f"{image.name[:40]}, clean", image.pixels)])
