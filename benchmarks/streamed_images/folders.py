"""Class folders of many encoded photographs: pieces of those that come with scikit-image."""

from pathlib import Path

import numpy as np
import PIL.Image
import skimage.data

from tfdrop.progress import Progress

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
SIDES = (96, 160)  # between which heights and widths lie
QUALITY = 90


def write_folders(folder: Path, images: int) -> Path:
    """Writes so many JPEG files, and a tenth as many to test on, unless they are there; returns their folder."""
    made = folder / f"images{images}"
    finished = made / "finished"
    if not finished.exists():
        with Progress("Writing images", images + images // 10) as progress:
            for part, count in {"train": images, "test": images // 10}.items():
                _write_part(made / part, count, np.random.default_rng((images, len(part))), progress)
        finished.touch()
    return made


def _write_part(folder, count, rng, progress):
    photographs = {name: PIL.Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOGRAPHS}
    for name in photographs:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
        photograph = photographs[name]
        width, height = rng.integers(*SIDES, size=2)
        left, top = rng.integers(0, photograph.width - width), rng.integers(0, photograph.height - height)
        piece = photograph.crop((left, top, left + width, top + height))
        piece.save(folder / name / f"{number:07d}.jpg", quality=QUALITY)
        progress.advance()
