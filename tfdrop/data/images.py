"""Grey images from files and folders."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage.color
import skimage.io
import skimage.util

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class Image(NamedTuple):
    """A grey image: its name and its pixels, float32 in [0, 1], shape `(height, width)`."""

    name: str
    pixels: np.ndarray


def to_grey(pixels):
    """Returns 8-bit, 16-bit or float pixels, grey or in colour, as float32 in [0, 1] of shape (height, width).

    Colour is turned grey by scikit-image's luminance weights; an alpha channel is ignored.

    Raises:
        ValueError: If the array is no single image, or has float values outside [0, 1].
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4):
        pixels = pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3) or 0 in pixels.shape:
        raise ValueError(f"expected one grey or colour image, received an array of shape {pixels.shape}")
    if pixels.dtype.kind == "u":
        # scikit-image multiplies by a rounded 1 / 255, which misses the nearest float by a bit.
        pixels = pixels / np.iinfo(pixels.dtype).max
    pixels = skimage.util.img_as_float(pixels)
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"expected pixels in [0, 1], received {pixels.min():.4g} to {pixels.max():.4g}")
    if pixels.ndim == 3:
        pixels = skimage.color.rgb2gray(pixels).clip(0, 1)
    return pixels.astype("float32")


def read_image(path):
    """Reads a PNG, JPEG, BMP or TIFF file as an `Image` named after the file without its extension.

    Raises:
        ValueError: If the file cannot be read as one image; the message names it.
    """
    path = Path(path)
    try:
        return Image(path.stem, to_grey(skimage.io.imread(path)))
    # The readers behind imread raise what they like on a broken file, struct.error and SyntaxError included.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot read image {path.name}: {reason}") from error


def read_folder(folder):
    """Reads all images of a folder, in the order of their names; other files are passed over.

    Raises:
        ValueError: If the folder is missing, holds no images, or holds one that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError("no such folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.name[0] != ".")
    if not paths:
        raise ValueError(f"the folder has no images ({', '.join(EXTENSIONS)})")
    return [read_image(path) for path in paths]
