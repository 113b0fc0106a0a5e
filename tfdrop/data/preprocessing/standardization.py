"""Preprocessing by the mean and the deviation of the training images."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tfdrop.arguments import invalid

# Images summed at a time, so that what is in double precision stays small.
CHUNK = 1000
CHUNK_NUMBERS = 20_000_000
# A channel that varies by less, relative to its mean, is constant but for the rounding of float32.
CONSTANT = 1e-6


class Standardization(NamedTuple):
    """Subtracts a mean and divides by a deviation, both float32 and of a shape that images broadcast against.

    Calling it on images, an array or a float32 tensor, gives float32. Zeros are then the mean colour, so padding comes
    afterwards, as in the published recipes. `Standardization(**np.load(path))` restores what
    `np.savez(path, **standardization._asdict())` saved.
    """

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, images: Any) -> Any:
        images = images - self.mean
        # In place for arrays, of which there may be gigabytes.
        images /= self.deviation
        return images.astype("float32", copy=False) if isinstance(images, np.ndarray) else images


def fit_channels(images: np.ndarray) -> Standardization:
    """Returns the `Standardization` by the mean and the deviation of each channel.

    Args:
        images: Array of shape `(n, height, width, channels)`.

    >>> images = np.array([[[[10]]], [[[30]]]], "uint8")
    >>> fit_channels(images)(images).ravel().tolist()
    [-1.0, 1.0]
    """
    if images.ndim != 4 or 0 in images.shape:
        raise invalid(
            "images",
            "at least one image, shape (n, height, width, channels)",
            received=f"an array of shape {images.shape}",
        )
    axes = (0, 1, 2)
    mean = _mean(images, axes)
    deviation = np.sqrt(_mean(images, axes, about=mean))
    # A channel that never changes stays zero, and what differs from it later is not blown up.
    deviation = np.where(deviation > CONSTANT * np.abs(mean), deviation, 1.0)
    return Standardization(mean.astype("float32"), deviation.astype("float32"))


def fit_pixel_mean(images: np.ndarray | Iterable[np.ndarray]) -> Standardization:
    """Returns the `Standardization` that subtracts each pixel's mean and leaves the scale as it is.

    Args:
        images: Array of shape `(n, height, width, channels)`, or an iterable of such batches.

    Raises:
        ValueError: If there are no images.

    >>> fit_pixel_mean(np.array([[[[10]]], [[[30]]]], "uint8")).mean.tolist()
    [[[20.0]]]
    """
    batches: Any = [images] if hasattr(images, "shape") else images
    total: np.ndarray = np.zeros(())
    count = 0
    for batch in batches:
        if len(batch):
            total = total + len(batch) * _mean(batch, (0,))
            count += len(batch)
    if count == 0:
        raise invalid("images", "at least one image", received="none")
    return Standardization(np.asarray(total / count, "float32"), np.ones((), "float32"))


def _mean(images: np.ndarray, axes: tuple[int, ...], about: np.ndarray | None = None) -> np.ndarray:
    """Returns the mean over axes in double precision; of the squares about some value if that is given."""
    total: np.ndarray = np.zeros(())
    rows = max(1, min(CHUNK, CHUNK_NUMBERS // int(np.prod(images.shape[1:]))))
    for start in range(0, len(images), rows):
        chunk = np.asarray(images[start : start + rows], "float64")
        total = total + np.sum(chunk if about is None else (chunk - about) ** 2, axis=axes)
    return np.asarray(total / np.prod([images.shape[axis] for axis in axes]))
