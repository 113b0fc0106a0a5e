"""What influence says about Train400's patches for a denoiser that others trained, and a check that can fail.

    python -m benchmarks.denoiser_patches --data_dir=DIR --weights=model.h5
    python -m benchmarks.denoiser_patches --data_dir=DIR --weights=model.h5 --minutes=20   # a slice of it

DIR holds Train400 and Set12. One question is the paper's: which patches harm all of Set12? The other has a known
answer: one image of Train400 contains a part of Set12's Starfish, so that for Starfish alone its patches should help
most.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.denoiser_patches.report import QUESTIONS, WITH_STARFISH, lines
from tfdrop.checkpoint import Checkpoint, Pace
from tfdrop.errors import UserError
from tfdrop.tasks.denoising.data import DenoiseData, read_data
from tfdrop.tasks.denoising.set12 import SET12, fingerprint
from tfdrop.tasks.denoising.settings import DenoiseSettings
from train.program import run

TITLE = "# Train400's patches, for the DnCNN authors' own network\n"

BATCH_SIZE, PART_SAMPLES = 8, 64

DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of Train400 and Set12.", required=True)
WEIGHTS = flags.DEFINE_string("weights", None, "The authors' weights for sigma 25.", required=True)
PATCHES = flags.DEFINE_integer("patches_per_image", 2, "Patches of 40x40 from each image.", lower_bound=1)
TOLERANCE = flags.DEFINE_float("tolerance", 0.05, "Relative residual at which conjugate gradients stop.")
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the next start goes on.")
FOLDER = flags.DEFINE_string("folder", "runs/denoiser_patches", "Folder of what was found, and of a picture.")
OUT = flags.DEFINE_string("out", "results/dncnn_authors_patches.md", "Markdown file for the page; none if empty.")


def main():
    start = time.perf_counter()
    settings = DenoiseSettings(
        data_dir=DATA_DIR.value, train_dir="Train400", validation_dir="Set12", test_dir="Set12", patch_size=40,
        patches_per_image=PATCHES.value,
    )  # fmt: skip
    data = read_data(settings)
    names, starfish = [image.name for image in data.patch_images], place_of_starfish(data.validation)
    if starfish is None or WITH_STARFISH not in names:
        raise UserError(f"--data_dir={DATA_DIR.value}: Set12 without Starfish, or Train400 without {WITH_STARFISH}")
    pace = Pace(seconds=120, deadline=time.monotonic() + 60 * MINUTES.value)
    Path(FOLDER.value).mkdir(parents=True, exist_ok=True)
    found, losses = influences(settings, data, starfish, pace)
    write_picture(Path(FOLDER.value) / "patches.png", data.patches.pixels, found[0].scores)
    sigma = f"{settings.measured_sigma:g}"
    about = (
        f"{len(losses)} patches of 40x40, {PATCHES.value} from each image of Train400, sigma {sigma}; "
        "the weights that the authors published, 17 layers of 64 maps. Half the summed squared error, Gauss-Newton, "
        f"conjugate gradients to a relative residual of {TOLERANCE.value:g}, automatic damping. The authors trained on "
        "other patches of these images with other noise, so that this is what such patches would do."
    )
    text = [TITLE, pages.wrapped(about), "", *lines(found, losses, data.patches.image, names), ""]
    placeholders = {"data_dir": "DIR", "weights": "model.h5"}
    command = pages.command("benchmarks.denoiser_patches", placeholders, ["out", "folder"])
    text += pages.origin(command, f"1, of {len(losses)} patches", time.perf_counter() - start)
    print("\n".join(text))
    if OUT.value:
        pages.write(OUT.value, "\n".join(text) + "\n")


def place_of_starfish(images: Sequence[Any]) -> int | None:
    """Returns where Set12's Starfish is among some images, or `None`."""
    papers_images = [SET12.get(fingerprint(image.pixels)) for image in images]
    return next((place for place, each in enumerate(papers_images) if each and each.name == "Starfish"), None)


def influences(settings: DenoiseSettings, data: DenoiseData, starfish: int, pace: Pace) -> tuple[list[Any], np.ndarray]:
    """Returns the `Influence` that answers each question, and the patches' losses.

    Args:
        settings: What is trained on.
        data: The images and patches.
        starfish: Place of Starfish among the validation images.
        pace: When to save and when to stop.
    """
    from tfdrop.influence import ConjugateGradient, InfluenceModel
    from tfdrop.losses import HalfSumSquaredError
    from tfdrop.models import load_dncnn
    from tfdrop.tasks.denoising.training import training_pairs, validation_pairs

    pairs = validation_pairs(settings, data)
    model = InfluenceModel(
        load_dncnn(WEIGHTS.value),
        training_pairs(settings, data),
        HalfSumSquaredError(),
        curvature="gauss_newton",
        batch_size=BATCH_SIZE,
        verbose=2,
    )
    solver = ConjugateGradient(tolerance=TOLERANCE.value, part_samples=PART_SAMPLES)
    key = f"{data.fingerprint()} {PATCHES.value} {TOLERANCE.value:g}"  # the weights are in the checkpoint
    found = []
    for question, asked in zip(QUESTIONS, (pairs, pairs[starfish : starfish + 1]), strict=True):
        checkpoint = Checkpoint(Path(FOLDER.value) / f"{question}.npz", f"{question} {key}", pace)
        found.append(model.total(asked, solver=solver, checkpoint=checkpoint))
    return found, model.losses()


def write_picture(path: Path, patches: np.ndarray, scores: np.ndarray) -> None:
    """Writes the 16 patches that harm most, and below them the 16 that help most."""
    from tfdrop.plots import gallery

    order = np.argsort(-scores, kind="stable")
    shown = [*order[:16], *order[::-1][:16]]
    gallery(path, patches[shown], [f"{scores[patch]:.3g}" for patch in shown], marked=scores[shown] > 0)


if __name__ == "__main__":
    run(main)
