"""Images as classification networks take them: 8 bits, three channels, all of one size."""

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import ArrayLike

from tfdrop.data.images.files import read_pixels


def read_colour_image(path: str | Path) -> np.ndarray:
    """Reads an image file as uint8 of shape `(height, width, 3)`; a grey one has three equal channels.

    A photograph that a camera saved lying on its side is turned upright.

    Raises:
        ValueError: If the file cannot be read as one image; the message names it.

    >>> import tempfile, PIL.Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     PIL.Image.new("L", (8, 5), 255).save(f"{folder}/white.png")
    ...     read_colour_image(f"{folder}/white.png").shape
    (5, 8, 3)
    """
    return read_pixels(path, to_colour)


def to_colour(pixels: ArrayLike) -> np.ndarray:
    """Converts 1-bit, 8-bit, 16-bit or float pixels, grey or colour, to uint8 of shape `(height, width, 3)`.

    An alpha channel is ignored; 16 bits are rounded to 8; floats are in [0, 1].

    Raises:
        ValueError: If the array is not one image, has signed integers, or has floats outside [0, 1].
    """
    found = np.asarray(pixels)
    if found.ndim == 2:
        found = found[..., None]
    if found.ndim != 3 or found.shape[-1] not in (1, 2, 3, 4) or 0 in found.shape:
        raise ValueError(f"expected one grey or colour image, received an array of shape {found.shape}")
    if found.shape[-1] in (2, 4):
        found = found[..., :-1]
    return np.repeat(_to_8_bits(found), 3, axis=-1) if found.shape[-1] == 1 else _to_8_bits(found)


def _to_8_bits(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "u":
        pixels = pixels / np.iinfo(pixels.dtype).max
    elif pixels.dtype.kind not in "bf":
        raise ValueError(f"expected 8-bit, 16-bit or float pixels, received {pixels.dtype}")
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"expected pixels in [0, 1], received {pixels.min():.4g} to {pixels.max():.4g}")
    return np.round(255.0 * pixels).astype("uint8")


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resizes the largest centred square of a uint8 image, `(height, width, 3)` or `(height, width, 1)`."""
    height, width, channels = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    image = PIL.Image.fromarray(square[..., 0] if channels == 1 else square)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.BILINEAR)).reshape(size, size, channels)
