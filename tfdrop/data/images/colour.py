"""Images as networks for classification take them: 8 bits, three channels, all of one size."""

import numpy as np
import PIL.Image

from tfdrop.data.images.grey import read_pixels


def read_colour_image(path):
    """Reads an image file as uint8 of shape `(height, width, 3)`; a grey one has three equal channels.

    Raises:
        ValueError: If the file cannot be read as one image; the message names it.
    """
    return read_pixels(path, to_colour)


def to_colour(pixels):
    """Returns 1-bit, 8-bit, 16-bit or float pixels, grey or in colour, as uint8 of shape `(height, width, 3)`.

    An alpha channel is ignored; 16 bits are rounded to 8, floats are in [0, 1].

    Raises:
        ValueError: If the array is no single image, has signed integers, or has floats outside [0, 1].
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 2, 3, 4) or 0 in pixels.shape:
        raise ValueError(f"expected one grey or colour image, received an array of shape {pixels.shape}")
    if pixels.shape[-1] in (2, 4):
        pixels = pixels[..., :-1]
    return np.repeat(_to_8_bits(pixels), 3, axis=-1) if pixels.shape[-1] == 1 else _to_8_bits(pixels)


def _to_8_bits(pixels):
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "u":
        pixels = pixels / np.iinfo(pixels.dtype).max
    elif pixels.dtype.kind not in "bf":
        raise ValueError(f"expected 8-bit, 16-bit or float pixels, received {pixels.dtype}")
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"expected pixels in [0, 1], received {pixels.min():.4g} to {pixels.max():.4g}")
    return np.round(255.0 * pixels).astype("uint8")


def resize(pixels, size):
    """Resizes a uint8 image, `(height, width, 3)` or `(height, width, 1)`, to a square: its centre, as much as fits."""
    height, width, channels = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    image = PIL.Image.fromarray(square[..., 0] if channels == 1 else square)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.BILINEAR)).reshape(size, size, channels)
