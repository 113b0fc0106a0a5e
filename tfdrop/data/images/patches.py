"""Square patches cut from images at random."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.images.grey import Image


class Patches(NamedTuple):
    """Patches and where they come from.

    Attributes:
        pixels: float32 array of shape `(n, size, size, 1)`; of colour images `(n, size, size, 3)`.
        image: Index of each patch's image, shape `(n,)`.
        top: Row of each patch's upper left pixel in its image, shape `(n,)`.
        left: Column of that pixel, shape `(n,)`.
    """

    pixels: np.ndarray
    image: np.ndarray
    top: np.ndarray
    left: np.ndarray


def draw_patches(
    images: Sequence[Image], size: int, per_image: int, crop_size: int | None = None, seed: int = 0
) -> Patches:
    """Cuts `per_image` patches from every image, uniformly at random.

    Args:
        images: List of `tfdrop.data.Image`.
        size: Height and width of the patches.
        per_image: Number of patches from each image.
        crop_size: If given, one random square of this size (or as large as the image allows) is first cut from each
            image, and the patches come from it, as in section IV-C of the data dropout paper.
        seed: Integer seed.

    Returns:
        `Patches`, ordered by image.

    Raises:
        ValueError: If an image is smaller than a patch; the message names it.

    >>> image = Image("ramp", np.linspace(0, 1, 40 * 30, dtype="float32").reshape(40, 30))
    >>> patches = draw_patches([image], size=8, per_image=5)
    >>> patches.pixels.shape, patches.image.tolist()
    ((5, 8, 8, 1), [0, 0, 0, 0, 0])
    """
    check_whole("size", size)
    check_whole("per_image", per_image)
    if not images:
        raise invalid("images", "at least one image", images)
    if crop_size and crop_size < size:
        raise invalid("crop_size", f"at least the size of a patch, {size}", crop_size)
    rng = np.random.default_rng(seed)
    tops, lefts, cut = [], [], []
    for image in images:
        height, width = image.pixels.shape[:2]
        if min(height, width) < size:
            raise ValueError(f"image {image.name} is {height}x{width}, smaller than a {size}x{size} patch")
        crop_top, crop_height = _crop(height, crop_size, rng)
        crop_left, crop_width = _crop(width, crop_size, rng)
        tops.append(crop_top + rng.integers(crop_height - size + 1, size=per_image))
        lefts.append(crop_left + rng.integers(crop_width - size + 1, size=per_image))
        cut += [
            image.pixels[top : top + size, left : left + size] for top, left in zip(tops[-1], lefts[-1], strict=True)
        ]
    return Patches(
        pixels=np.stack(cut).reshape(len(cut), size, size, -1),
        image=np.repeat(np.arange(len(images)), per_image),
        top=np.concatenate(tops),
        left=np.concatenate(lefts),
    )


def _crop(length: int, crop_size: int | None, rng: np.random.Generator) -> tuple[int, int]:
    """Returns a random interval `(start, length)` of at most `crop_size` pixels within `length`."""
    cropped = min(length, crop_size or length)
    return int(rng.integers(length - cropped + 1)), cropped
