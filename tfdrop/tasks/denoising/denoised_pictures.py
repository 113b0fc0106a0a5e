"""Denoising a folder of pictures, one after another, as planned."""

from typing import Any

import numpy as np

from tfdrop.data.images.picture_files import Picture, read_picture, write_picture
from tfdrop.denoising.arrays import denoise
from tfdrop.denoising.classical import denoise_classically
from tfdrop.denoising.pixel_scale import from_unit_scale, to_unit_scale
from tfdrop.denoising.receptive_field import receptive_radius
from tfdrop.denoising.tiles import tiles
from tfdrop.errors import blaming
from tfdrop.models import load_dncnn
from tfdrop.progress import Progress
from tfdrop.tasks.denoising.pictures import PictureSettings, Plan, without_alpha


def denoise_pictures(settings: PictureSettings, planned: Plan) -> None:
    """Denoises the pictures and prints how far it is.

    Raises:
        UserError: If a picture cannot be written; what was written stays, whole.
    """
    with blaming("weights", settings.weights):
        model = load_dncnn(planned.weights)
    model.trained_for = None  # its warnings were given
    radius = receptive_radius(model)
    passes = [job.channels // planned.topology.channels for job in planned.jobs]  # several where each channel has one
    parts = [len(tiles(job.shape[0], job.shape[1], radius)) for job in planned.jobs]
    with Progress("Denoising", int(np.dot(passes, parts)), unit="tiles") as progress:
        for job in planned.jobs:
            with blaming("images", settings.images):
                picture = read_picture(job.path)
            denoised = denoise(
                model, picture.pixels, job.sigma, settings.each_channel, after_tile=lambda: progress.advance()
            )
            results = [denoised, *([_classical(settings, picture, job.sigma)] if settings.classical else [])]
            with blaming("out", settings.out):
                for path, pixels in zip(job.outputs, results, strict=True):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_picture(path, picture, pixels)


def _classical(settings: PictureSettings, picture: Picture, sigma: float) -> np.ndarray:
    """Returns a picture's pixels denoised by a classical method, alpha unchanged."""
    colours = without_alpha(picture)
    found = from_unit_scale(denoise_classically(to_unit_scale(colours), sigma, settings.classical), colours.dtype)
    rest: Any = picture.pixels[..., picture.channels :] if picture.pixels.ndim == 3 else None
    return found if rest is None else np.concatenate([found, rest], axis=-1)
