"""Pixels of any of scikit-image's dtypes as floats around [0, 1], and back."""

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import invalid

# The mean of an image whose pixels are on scikit-image's scale is in [-1, 1]; of one from 0 to 255 it is far beyond.
FARTHEST_MEAN = 1.5


def to_unit_scale(name: str, image: ArrayLike) -> np.ndarray:
    """Returns pixels as float32: unsigned ones from 0 to 1, signed ones from -1 to 1, floats as they are.

    Args:
        name: The argument's name, for the error.
        image: Booleans, integers or floats; scikit-image's convention says what they mean.

    Raises:
        ValueError: If the dtype is none of these, or floats are not finite or far outside [0, 1].

    >>> to_unit_scale("image", np.array([0, 51, 255], "uint8"))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    pixels = np.asarray(image)
    if pixels.dtype.kind == "u":
        return (pixels / np.iinfo(pixels.dtype).max).astype("float32")
    if pixels.dtype.kind == "i":
        return np.maximum(pixels / np.iinfo(pixels.dtype).max, -1).astype("float32")
    if pixels.dtype.kind == "b":
        return pixels.astype("float32")
    if pixels.dtype.kind != "f":
        raise invalid(name, "boolean, integer or float pixels", received=f"an array of {pixels.dtype}")
    mean = float(np.mean(pixels, dtype="float64")) if pixels.size else 0.0
    if not np.isfinite(mean):
        raise invalid(name, "finite pixels", received="an array with infinite ones, or with NaN")
    if abs(mean) > FARTHEST_MEAN:
        raise invalid(name, "float pixels around [0, 1]", received=f"an array whose mean is {mean:.4g}")
    return pixels.astype("float32")


def from_unit_scale(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns what `to_unit_scale` made of pixels in their first dtype: integers clipped and rounded, floats not.

    >>> from_unit_scale(np.array([-0.1, 0.2, 1.5]), np.dtype("uint8"))
    array([  0,  51, 255], dtype=uint8)
    """
    if dtype.kind == "f":
        return pixels.astype(dtype)
    if dtype.kind == "b":
        return pixels >= 0.5
    highest = np.iinfo(dtype).max
    scaled = np.rint(np.clip(pixels.astype("float64"), 0 if dtype.kind == "u" else -1, 1) * highest)
    if float(highest) > highest:  # the largest integers of 64 bits are no floats; the next one is too large
        scaled = np.minimum(scaled, np.nextafter(float(highest), 0))
    return scaled.astype(dtype)
