"""Additive white Gaussian noise; sigma is on the 8-bit scale, pixels are in [0, 1]."""

import numpy as np

from tfdrop.arguments import check_number, invalid
from tfdrop.data.samples import stream

NOISE_OF_PATCHES = 1  # the number of the patches' random stream


def noisy_patches(clean: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Returns patches, each with noise of its own added once, as section IV-C adds it before training.

    Args:
        clean: float32 array with pixels in [0, 1].
        sigma: Standard deviation of the noise on the 8-bit scale: 25 is 25/255.
        seed: Integer seed.

    Raises:
        ValueError: If the pixels are not floats, or sigma is negative.

    >>> clean = np.full((10, 40, 40, 1), 0.5, "float32")
    >>> round(float((noisy_patches(clean, 25) - clean).std() * 255))
    25
    """
    _check(clean, sigma)
    noise = stream(seed, NOISE_OF_PATCHES).standard_normal(clean.shape, dtype="float32")
    return clean + np.float32(sigma / 255) * noise


def noisy_image(clean: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Returns one test image with noise added, not clipped.

    The generator is NumPy's legacy one, seeded anew for every image: with seed 0 this is the noise that the DnCNN
    authors' Keras code tests with.

    Args:
        clean: Float array of shape `(height, width)` with pixels in [0, 1].
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
