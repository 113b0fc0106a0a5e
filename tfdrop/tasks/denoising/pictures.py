"""What a folder of pictures is denoised by, and all that is checked before anything is written."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfdrop.data.images.files import EXTENSIONS, image_paths, read_files
from tfdrop.data.images.gaussian_noise import level_range
from tfdrop.data.images.picture_files import Picture, read_picture
from tfdrop.denoising.classical import METHODS
from tfdrop.denoising.noise_level import estimate_noise
from tfdrop.errors import UserError, blaming
from tfdrop.models.dncnn_weights import Topology, noted_training, saved_topology
from tfdrop.models.trained_for import TrainedFor
from tfdrop.progress import Progress
from tfdrop.tasks.fields import setting

HIGHEST_SIGMA = 255


@dataclass(frozen=True)
class PictureSettings:
    """What is denoised, by what, and where it goes. Fields are flags of `tfdrop-denoise-images`."""

    images: str = setting("", "Folder of noisy pictures, sub-folders included, or one file.")
    weights: str = setting("", "A .keras model, .h5 weights or PyTorch's .safetensors weights of DnCNN.")
    out: str = setting("", "Folder for the denoised pictures, which keep their names.")
    sigma: str = setting("auto", "Standard deviation of the noise, for pixels from 0 to 255; auto estimates it.")
    trained_sigma: str = setting(
        "",
        "Where the file of the weights does not say it: the sigma that they were trained for, or a range such as 0,55.",
    )
    classical: str = setting("", f"Method of scikit-image to write a result of beside: {' or '.join(METHODS)}.")
    each_channel: bool = setting(False, "Denoise each channel of a colour picture by itself, by weights for grey ones.")
    strict: bool = setting(False, "Refuse noise that the weights were not trained for, instead of warning of it.")
    overwrite: bool = setting(False, "Replace pictures that are in --out already.")

    @property
    def fixed_sigma(self) -> float | None:
        """The level of noise where it is given; `None` where it is estimated."""
        return None if self.sigma == "auto" else float(self.sigma)


class Job(NamedTuple):
    """One picture to denoise: its file, what is said of it, its size, its noise, and the files to write."""

    path: Path
    name: str
    shape: tuple[int, ...]
    channels: int
    note: str
    sigma: float
    outputs: tuple[Path, ...]


class Plan(NamedTuple):
    """What will be done, once nothing stands against it."""

    weights: Path
    topology: Topology
    trained: TrainedFor | None
    jobs: list[Job]


def plan(settings: PictureSettings) -> Plan:
    """Returns the plan after all checks: the weights, every picture, and every file to write.

    Raises:
        UserError: If anything stands against it; nothing was written.
    """
    _check_flags(settings)
    weights = Path(settings.weights).expanduser()
    with blaming("weights", settings.weights):
        topology, noted = saved_topology(weights), noted_training(weights)
    trained = noted or _said_training(settings, topology)
    folder, paths = _pictures(settings)
    out = _out(settings, folder)
    outputs = [_outputs(settings, out / path.relative_to(folder)) for path in paths]
    _check_outputs(settings, paths, [output for each in outputs for output in each])

    with Progress("Reading", len(paths), unit="pictures") as progress:

        def look(path: Path) -> Job:
            picture = read_picture(path)
            progress.advance()
            sigma = settings.fixed_sigma
            sigma = estimate_noise(without_alpha(picture)) if sigma is None else sigma
            name = path.relative_to(folder).as_posix()
            return Job(path, name, picture.pixels.shape, picture.channels, picture.note, sigma, ())

        with blaming("images", settings.images):
            # One at a time, as a single picture may take much of the memory.
            found = read_files(paths, folder, look, workers=1).images
    jobs = [job._replace(outputs=files) for job, files in zip(found, outputs, strict=True)]
    _check_channels(settings, topology, jobs)
    if settings.strict and (warnings := level_warnings(settings, trained, jobs)):
        more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
        raise UserError(f"--strict: {warnings[0]}{more}")
    return Plan(weights, topology, trained, jobs)


def level_warnings(settings: PictureSettings, trained: TrainedFor | None, jobs: Iterable[Job]) -> list[str]:
    """Returns a line for each picture with noise that the weights were not trained for, as far as they say."""
    estimated = settings.sigma == "auto"
    how = "noise estimated at sigma" if estimated else "sigma"
    return [
        f"{job.name}: {how} {job.sigma:.3g}, but --weights={settings.weights} was trained for {trained}"
        for job in jobs
        if trained is not None and not trained.covers(job.sigma, estimated)
    ]


def about(settings: PictureSettings, planned: Plan) -> list[str]:
    """Returns the lines that say what the weights are for and what noise the pictures have."""
    trained = planned.trained or "the file does not say which levels of noise"
    lines = [f"Weights: {planned.topology}; trained for: {trained}"]
    width = max(len(job.name) for job in planned.jobs)
    if settings.sigma == "auto":
        lines += [f"{job.name.ljust(width)}  noise estimated at sigma {job.sigma:.1f}" for job in planned.jobs]
    return lines


def _check_flags(settings):
    for name in ("images", "weights", "out"):
        if not getattr(settings, name):
            raise UserError(f"--{name}: expected {'a file' if name == 'weights' else 'a folder'}")
    if settings.classical not in ("", *METHODS):
        raise UserError(f"--classical={settings.classical}: expected one of {', '.join(METHODS)}")
    if settings.sigma != "auto":
        try:
            allowed = 0 <= float(settings.sigma) <= HIGHEST_SIGMA
        except ValueError:
            allowed = False
        if not allowed:
            raise UserError(f"--sigma={settings.sigma}: expected a number from 0 to {HIGHEST_SIGMA}, or auto")


def _said_training(settings, topology):
    """Returns what the user says that the weights were trained for, or `None`."""
    if not settings.trained_sigma:
        return None
    with blaming("trained_sigma", settings.trained_sigma):
        levels = [float(word) for word in settings.trained_sigma.split(",")]
        low, high = level_range(levels if len(levels) > 1 else levels * 2, "trained_sigma")
    return TrainedFor(low, high, topology.channels)


def _pictures(settings):
    """Returns the folder that names are relative to, and the files."""
    given = Path(settings.images).expanduser()
    if given.is_file():
        return given.parent, [given]
    if not given.is_dir():
        raise UserError(f"--images={settings.images}: no such file or folder")
    with blaming("images", settings.images):
        paths = image_paths(given)
    if not paths:
        raise UserError(f"--images={settings.images}: the folder has no images ({', '.join(EXTENSIONS)})")
    return given, paths


def _out(settings, folder):
    """Returns the folder to write to: not that of the pictures, nor one inside, which would be read the next time."""
    out = Path(settings.out).expanduser()
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={settings.out}: no folder")
    if folder.resolve() in (out.resolve(), *out.resolve().parents) and Path(settings.images).expanduser().is_dir():
        raise UserError(f"--out={settings.out}: the folder of --images, or inside it")
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UserError(f"--out={settings.out}: {existing} cannot be written to")
    return out


def _outputs(settings, path):
    """Returns the files that a picture becomes: the denoised one, and that of the classical method."""
    beside = [path.with_name(f"{path.stem}_{settings.classical}{path.suffix}")] if settings.classical else []
    return (path, *beside)


def _check_outputs(settings, paths, outputs):
    sources = {path.resolve() for path in paths}
    seen: set[Path] = set()
    for output in outputs:
        if output.resolve() in sources:
            raise UserError(f"--out={settings.out}: {output} is one of --images")
        if output in seen:
            raise UserError(f"--classical={settings.classical}: {output.name} is the name of another picture, too")
        seen.add(output)
    existing = [output for output in outputs if output.exists()]
    if existing and not settings.overwrite:
        more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise UserError(f"--out={settings.out}: {existing[0]} exists{more}; --overwrite replaces")


def _check_channels(settings, topology, jobs):
    allowed = (1, 3) if settings.each_channel and topology.channels == 1 else (topology.channels,)
    others = [job for job in jobs if job.channels not in allowed]
    if others:
        kinds = {1: "grey", 3: "colour"}
        hint = "; --each_channel denoises each channel by itself" if topology.channels == 1 else ""
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise UserError(
            f"--weights={settings.weights}: for {kinds.get(topology.channels, topology.channels)} images, but "
            f"{others[0].name} is {kinds.get(others[0].channels, others[0].channels)}{more}{hint}"
        )


def without_alpha(picture: Picture) -> np.ndarray:
    """Returns the pixels of a picture without its alpha channel."""
    return picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., : picture.channels]
