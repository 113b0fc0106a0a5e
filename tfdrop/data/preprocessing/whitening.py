"""Global contrast normalization and ZCA whitening, the preprocessing of All-CNN."""

from typing import NamedTuple

import numpy as np
import scipy.linalg

from tfdrop.arguments import check_number, invalid

CHUNK = 5000


class Whitening(NamedTuple):
    """Normalizes the contrast of each image and multiplies it by a matrix; see `fit_whitening`.

    Calling it on an array of images gives float32. Its arrays are saved as those of `Standardization` are.

    Attributes:
        mean: The mean of the normalized training images, one number per pixel and channel, shape `(d,)`.
        matrix: The symmetric whitening matrix, `(d, d)`.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if np.prod(images.shape[1:]) != self.mean.size:
            raise invalid(
                "images",
                f"images of {self.mean.size} numbers, as those that were fitted",
                received=f"an array of shape {images.shape}",
            )
        whitened = np.empty(images.shape, "float32")
        for start in range(0, len(images), CHUNK):
            rows = normalize_contrast(images[start : start + CHUNK]).reshape(-1, self.mean.size) - self.mean
            whitened[start : start + CHUNK] = (rows @ self.matrix).reshape(-1, *images.shape[1:])
        return whitened


def normalize_contrast(images: np.ndarray) -> np.ndarray:
    """Gives each image mean zero and deviation one over all its pixels and channels; flat images become zero.

    The code of the Maxout networks scales to a Euclidean norm of 55 instead, which is a deviation of 0.992 for CIFAR's
    3,072 numbers.
    """
    images = images.astype("float32")
    axes = tuple(range(1, images.ndim))
    images -= images.mean(axes, keepdims=True)
    deviation = images.std(axes, keepdims=True)
    return images / np.where(deviation > 1e-6, deviation, 1.0)


def fit_whitening(images: np.ndarray, bias: float = 0.1) -> Whitening:
    """Returns the `Whitening` that makes the training images' numbers uncorrelated.

    Each image's contrast is normalized, then ZCA: with the covariance C of the numbers, the matrix (C + bias I)^(-1/2),
    which changes the images least of all matrices that whiten. "Whitening and normalization" is all that the data
    dropout paper says; All-CNN's authors refer to the Maxout networks, whose code adds a bias of 0.1.

    Args:
        images: Training images of shape `(n, height, width, channels)`.
        bias: Added to the covariance's eigenvalues, so that directions in which images hardly differ, which are noise,
            are not amplified.

    Reference:
        Goodfellow et al., "Maxout Networks", 2013, section 4.2; Springenberg et al., "Striving for Simplicity", 2015.

    >>> images = np.random.default_rng(0).integers(0, 256, (50, 2, 2, 1), dtype="uint8")
    >>> whitening = fit_whitening(images)
    >>> whitening.matrix.shape, whitening(images).shape
    ((4, 4), (50, 2, 2, 1))
    """
    if check_number("bias", bias) <= 0:
        raise invalid("bias", "a positive number", bias)
    if len(images) == 0:
        raise invalid("images", "at least one image", received="none")
    size = int(np.prod(images.shape[1:]))
    total, products = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(images), CHUNK):
        rows = normalize_contrast(np.asarray(images[start : start + CHUNK])).reshape(-1, size)
        total += rows.sum(0, dtype="float64")
        products += rows.T @ rows
    mean = total / len(images)
    covariance = products / len(images) - np.outer(mean, mean)
    values, vectors = scipy.linalg.eigh(covariance, overwrite_a=True)
    # Rounding makes eigenvalues that are zero slightly negative.
    matrix = (vectors / np.sqrt(np.maximum(values, 0.0) + bias)) @ vectors.T
    return Whitening(mean.astype("float32"), matrix.astype("float32"))
