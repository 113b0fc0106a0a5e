"""Pixels of any of scikit-image's dtypes as floats around [0, 1], and back."""

import numpy as np

from tfdrop.arguments import invalid

# The mean of an image whose pixels are on scikit-image's scale is in [-1, 1]; of one from 0 to 255 it is far beyond.
FARTHEST_MEAN = 1.5


def check_pixels(name: str, image: np.ndarray) -> None:
    """Checks that pixels are on scikit-image's scale.

    Args:
        name: The argument's name, for the error.
        image: Booleans, integers or floats; scikit-image's convention says what they mean.

    Raises:
        ValueError: If the dtype is none of these, or floats are not finite or far outside [0, 1].
    """
    if image.dtype.kind not in "biuf":
        raise invalid(name, "boolean, integer or float pixels", received=f"an array of {image.dtype}")
    if image.dtype.kind == "f" and image.size:
        mean = float(np.mean(image, dtype="float64"))
        if not np.isfinite(mean):
            raise invalid(name, "finite pixels", received="an array with infinite ones, or with NaN")
        if abs(mean) > FARTHEST_MEAN:
            raise invalid(name, "float pixels around [0, 1]", received=f"an array whose mean is {mean:.4g}")


def to_unit_scale(pixels: np.ndarray) -> np.ndarray:
    """Returns pixels as float32: unsigned ones from 0 to 1, signed ones from -1 to 1, floats as they are.

    >>> to_unit_scale(np.array([0, 51, 255], "uint8"))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    if pixels.dtype.kind in "bf":
        return pixels.astype("float32")
    highest = np.iinfo(pixels.dtype).max
    unit = np.divide(pixels, highest, dtype=_precision(pixels.dtype))
    return np.maximum(unit, -1).astype("float32", copy=False)


def from_unit_scale(unit: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns what `to_unit_scale` made of pixels in their first dtype: integers clipped and rounded, floats not.

    >>> from_unit_scale(np.array([-0.1, 0.2, 1.5]), np.dtype("uint8"))
    array([  0,  51, 255], dtype=uint8)
    """
    if dtype.kind == "f":
        return unit.astype(dtype)
    if dtype.kind == "b":
        return unit >= 0.5
    highest = np.iinfo(dtype).max
    scaled = np.rint(np.clip(unit.astype(_precision(dtype)), 0 if dtype.kind == "u" else -1, 1) * highest)
    if float(highest) > highest:  # the largest integers of 64 bits are no floats; the next one is too large
        scaled = np.minimum(scaled, np.nextafter(float(highest), 0))
    return scaled.astype(dtype)


def _precision(dtype: np.dtype) -> str:
    """Returns the float dtype whose digits hold the integers of a dtype."""
    return "float32" if dtype.itemsize <= 2 else "float64"
