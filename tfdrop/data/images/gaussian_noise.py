"""Additive white Gaussian noise; sigma is on the 8-bit scale, pixels are in [0, 1]."""

import numpy as np

from tfdrop.data.samples import stream


def noisy_patches(clean, sigma, seed=0):
    """Returns patches with noise of their own added to each: fixed, as section IV-C adds it before training.

    Args:
        clean: float32 array with pixels in [0, 1].
        sigma: Standard deviation of the noise on the 8-bit scale, 25 for 25/255.
        seed: Integer seed.
    """
    noise = stream(seed, 1).standard_normal(clean.shape, dtype="float32")
    return clean + np.float32(sigma / 255) * noise


def noisy_image(clean, sigma, seed=0):
    """Returns one test image with noise added, not clipped.

    The generator is seeded anew for every image, and is NumPy's legacy one: with seed 0 this is the noise that
    the DnCNN authors' Keras code tests with.
    """
    noise = np.random.RandomState(seed).normal(0, sigma / 255, clean.shape)
    return (clean + noise).astype("float32")
