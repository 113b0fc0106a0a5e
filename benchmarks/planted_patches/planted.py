"""Bad patches, planted among good ones, each of a kind that real pairs of noisy and clean photographs have."""

from typing import NamedTuple

import numpy as np

from tfdrop.data.images.gaussian_noise import noisy_patches
from tfdrop.data.images.patches import Patches

KINDS = {
    "registration": "the clean patch lies 2 pixels away from the noisy one, in rows and in columns",
    "clipped": "exposed three times too long, both patches: most pixels are white",
    "blank": "both patches are of one value, their mean",
}
SHIFT, EXPOSURE = 2, 3.0
GOOD = ""


class PlantedPatches(NamedTuple):
    """Patches some of which are bad.

    Attributes:
        noisy: Shape `(n, size, size, 1)`.
        clean: Of the same shape.
        kind: One of `KINDS` for each patch, or `GOOD`.
    """

    noisy: np.ndarray
    clean: np.ndarray
    kind: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        """Which patches are bad, Boolean, shape `(n,)`."""
        return self.kind != GOOD


def planted(patches: Patches, images: list, share: float, sigma: float, seed: int) -> PlantedPatches:
    """Returns noisy and clean patches of which a share is bad, each kind a third of it, drawn from a seed.

    Args:
        patches: Good ones.
        images: The images that they are from.
        share: The share that is bad.
        sigma: Standard deviation of the noise on the 8-bit scale.
        seed: Seed of what is bad, and of the noise.
    """
    count = len(patches.pixels)
    kind = np.full(count, GOOD, dtype="<U12")
    chosen = np.random.default_rng(seed).permutation(count)[: round(share * count)]
    for name, part in zip(KINDS, np.array_split(chosen, len(KINDS)), strict=True):
        kind[part] = name
    clean = patches.pixels.copy()
    clean[kind == "clipped"] = np.minimum(EXPOSURE * clean[kind == "clipped"], 1)
    blank = clean[kind == "blank"]
    clean[kind == "blank"] = np.broadcast_to(blank.mean(axis=(1, 2, 3), keepdims=True), blank.shape)
    noisy = noisy_patches(clean, sigma, seed)
    for at in np.flatnonzero(kind == "registration"):
        clean[at] = _shifted(patches, images, int(at))
    return PlantedPatches(noisy, clean, kind)


def _shifted(patches: Patches, images: list, at: int) -> np.ndarray:
    """Returns the patch of the same image that lies two pixels away, within the image."""
    pixels, size = images[patches.image[at]].pixels, patches.pixels.shape[1]
    top, left = (
        start + (SHIFT if start + SHIFT + size <= length else -SHIFT)
        for start, length in zip((patches.top[at], patches.left[at]), pixels.shape, strict=False)
    )
    return pixels[top : top + size, left : left + size].reshape(patches.pixels.shape[1:])
