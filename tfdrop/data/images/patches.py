"""Square patches cut from images at random."""

from typing import NamedTuple

import numpy as np


class Patches(NamedTuple):
    """Patches and where they come from.

    Attributes:
        pixels: float32 array of shape `(n, size, size, 1)`.
        image: Index of each patch's image, shape `(n,)`.
        top: Row of each patch's upper left pixel in its image, shape `(n,)`.
        left: Column of it, shape `(n,)`.
    """

    pixels: np.ndarray
    image: np.ndarray
    top: np.ndarray
    left: np.ndarray


def draw_patches(images, size, per_image, crop_size=None, seed=0):
    """Cuts `per_image` patches from every image, uniformly at random.

    Args:
        images: List of `tfdrop.data.images.grey.Image`.
        size: Height and width of the patches.
        per_image: Number of patches from each image.
        crop_size: If given, one random square of this size (or as large as the image allows) is cut from each
            image first and the patches come from it, as in section IV-C of the data dropout paper.
        seed: Integer seed.

    Returns:
        `Patches`, ordered by image.

    Raises:
        ValueError: If an image is smaller than a patch; the message names it.
    """
    rng = np.random.default_rng(seed)
    tops, lefts, cut = [], [], []
    for image in images:
        height, width = image.pixels.shape
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
        pixels=np.stack(cut)[..., None],
        image=np.repeat(np.arange(len(images)), per_image),
        top=np.concatenate(tops),
        left=np.concatenate(lefts),
    )


def _crop(length, crop_size, rng):
    """Returns a random interval `(start, length)` of at most `crop_size` pixels within `length`."""
    cropped = min(length, crop_size or length)
    return rng.integers(length - cropped + 1), cropped
