"""Preprocessing by the mean and the deviation of the training images."""

from typing import NamedTuple

import numpy as np

# Images summed at a time, so that what is in double precision stays small.
CHUNK = 1000


class Standardization(NamedTuple):
    """Subtracts a mean and divides by a deviation, both float32 and of a shape that images broadcast against.

    Calling it on images, an array or a tensor of floats, gives float32. Zeros then are the mean colour, so padding
    comes afterwards, as in the published recipes. `Standardization(**np.load(path))` is what
    `np.savez(path, **standardization._asdict())` saved.
    """

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, images):
        images = images - self.mean
        # In place for arrays, of which there may be gigabytes.
        images /= self.deviation
        return images


def fit_channels(images):
    """Returns the `Standardization` by the mean and the deviation of each channel.

    Args:
        images: Array of shape `(n, height, width, channels)`.
    """
    axes = (0, 1, 2)
    mean = _mean(images, axes)
    variance = _mean(images, axes, about=mean)
    # A channel that never changes stays zero.
    deviation = np.where(variance > 0, np.sqrt(variance), 1.0)
    return Standardization(mean.astype("float32"), deviation.astype("float32"))


def fit_pixel_mean(images):
    """Returns the `Standardization` that subtracts each pixel's mean, and leaves the scale as it is.

    Args:
        images: Array of shape `(n, height, width, channels)`, or an iterable of such batches.
    """
    batches = [images] if isinstance(images, np.ndarray) else images
    total, count = 0.0, 0
    for batch in batches:
        total = total + len(batch) * _mean(batch, (0,))
        count += len(batch)
    return Standardization((total / count).astype("float32"), np.float32(1.0))


def _mean(images, axes, about=None):
    """Returns the mean over axes in double precision; of the squares about some value if that is given."""
    total = 0.0
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK].astype("float64")
        total = total + np.sum(chunk if about is None else (chunk - about) ** 2, axis=axes)
    return total / np.prod([images.shape[axis] for axis in axes])
