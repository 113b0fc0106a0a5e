"""Additive white Gaussian noise; sigma is on the 8-bit scale, pixels are in [0, 1]."""

from collections.abc import Sequence

import numpy as np

from tfdrop.arguments import check_number, invalid
from tfdrop.data.samples import stream

NOISE_OF_PATCHES, LEVELS_OF_PATCHES = 1, 10  # the numbers of the patches' random streams


def noisy_patches(
    clean: np.ndarray, sigma: float | Sequence[float], seed: int = 0, noise_map: bool = False
) -> np.ndarray:
    """Returns patches, each with noise of its own added once, as section IV-C adds it before training.

    Args:
        clean: float32 array with pixels in [0, 1], shape `(n, height, width, channels)`.
        sigma: Standard deviation of the noise on the 8-bit scale: 25 is 25/255. Or the lowest and the highest, between
            which each patch gets its own, all as likely, as for DnCNN-B.
        seed: Integer seed.
        noise_map: Whether to add a last channel, the standard deviation on the scale of the pixels.

    Raises:
        ValueError: If the pixels are not floats, or a sigma is negative, or the lowest is above the highest.

    >>> clean = np.full((10, 40, 40, 1), 0.5, "float32")
    >>> round(float((noisy_patches(clean, 25) - clean).std() * 255))
    25
    """
    low, high = level_range(sigma)
    _check(clean, low)
    noise = stream(seed, NOISE_OF_PATCHES).standard_normal(clean.shape, dtype="float32")
    deviations: np.ndarray | np.float32 = np.float32(low / 255)
    if low < high:
        drawn = stream(seed, LEVELS_OF_PATCHES).uniform(low / 255, high / 255, len(clean)).astype("float32")
        deviations = drawn.reshape(-1, *[1] * (clean.ndim - 1))
    return with_noise_map(clean + deviations * noise, deviations) if noise_map else clean + deviations * noise


def level_range(sigma: float | Sequence[float], name: str = "sigma") -> tuple[float, float]:
    """Returns the lowest and the highest of a level of noise or a range of two; errors call it `name`.

    Raises:
        ValueError: If it is neither, or negative, or the lowest is above the highest.

    >>> level_range(25), level_range([0, 55])
    ((25.0, 25.0), (0.0, 55.0))
    """
    levels = list(sigma) if isinstance(sigma, list | tuple) else [sigma, sigma]
    if len(levels) != 2:
        raise invalid(name, "a number, or the lowest and the highest", sigma)
    low, high = (check_number(name, level) for level in levels)
    if not 0 <= low <= high:
        raise invalid(name, "a number of at least 0, or two that rise", sigma)
    return low, high


def with_noise_map(noisy: np.ndarray, deviation: np.ndarray | np.float32 | float) -> np.ndarray:
    """Returns images, shape `(n, height, width, channels)`, with a last channel that says their noise's deviation.

    Args:
        noisy: The images.
        deviation: Standard deviation of the noise on the scale of the pixels, of a shape that broadcasts.
    """
    return np.concatenate([noisy, np.broadcast_to(deviation, (*noisy.shape[:-1], 1)).astype(noisy.dtype)], axis=-1)


def noisy_image(clean: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Returns one test image with noise added, not clipped.

    The generator is NumPy's legacy one, seeded anew for every image: with seed 0 this is the noise that the DnCNN
    authors' Keras code tests with.

    Args:
        clean: Float array of shape `(height, width)`, or `(height, width, channels)`, with pixels in [0, 1].
        sigma: Standard deviation of the noise on the 8-bit scale.
        seed: Integer seed.

    Raises:
        ValueError: If the pixels are not floats, or sigma is negative.

    >>> noisy = noisy_image(np.zeros((2, 2), "float32"), sigma=25)
    >>> np.round(noisy * 255 / 25, 3)
    array([[1.764, 0.4  ],
           [0.979, 2.241]], dtype=float32)
    """
    _check(clean, sigma)
    noise = np.random.RandomState(seed).normal(0, sigma / 255, clean.shape)
    return (clean + noise).astype("float32")


def _check(clean: np.ndarray, sigma: float) -> None:
    # On pixels from 0 to 255 the noise would be 255 times too weak.
    if not np.issubdtype(clean.dtype, np.floating):
        raise invalid("clean", "float pixels in [0, 1]", received=f"an array of {clean.dtype}")
    if check_number("sigma", sigma) < 0:
        raise invalid("sigma", "a number of at least 0", sigma)
