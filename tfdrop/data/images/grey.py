"""Grey images from files and folders."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import skimage.color
import skimage.util
import tifffile

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
# Pillow's modes whose numbers are the pixels; all others (palettes, CMYK, alpha, ...) it turns into RGB.
PLAIN_MODES = ("1", "L", "I;16", "I;16B", "RGB")


class Image(NamedTuple):
    """A grey image: its name and its pixels, float32 in [0, 1], shape `(height, width)`."""

    name: str
    pixels: np.ndarray


def to_grey(pixels):
    """Returns 8-bit, 16-bit or float pixels, grey or in colour, as float32 in [0, 1] of shape (height, width).

    Colour is turned grey by scikit-image's luminance weights; an alpha channel is ignored.

    Raises:
        ValueError: If the array is no single image, has signed integers, or has floats outside [0, 1].
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
    elif pixels.dtype.kind not in "bf":
        raise ValueError(f"expected 8-bit, 16-bit or float pixels, received {pixels.dtype}")
    pixels = skimage.util.img_as_float(pixels)
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"expected pixels in [0, 1], received {pixels.min():.4g} to {pixels.max():.4g}")
    if pixels.ndim == 3:
        pixels = skimage.color.rgb2gray(pixels).clip(0, 1)
    return pixels.astype("float32")


def read_image(path):
    """Reads a PNG, JPEG, BMP or TIFF file as an `Image` named after the file without its extension.

    All are read to their full depth, except for 16-bit colour PNG, of which Pillow reads the upper 8 bits.

    Raises:
        ValueError: If the file cannot be read as one image; the message names it.
    """
    path = Path(path)
    return Image(path.stem, read_pixels(path, to_grey))


def read_pixels(path, convert):
    """Reads an image file and returns what the function `convert` makes of its pixels.

    Raises:
        ValueError: If the file cannot be read as one image, or converted; the message names it.
    """
    path = Path(path)
    try:
        tiff = path.suffix.lower() in (".tif", ".tiff")
        return convert(_read_tiff(path) if tiff else _read_with_pillow(path))
    # The readers raise what they like on a broken file, struct.error and SyntaxError included.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot read image {path.name}: {reason}") from error


def _read_with_pillow(path):
    with PIL.Image.open(path) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError(f"expected one image, the file has {image.n_frames}")
        return np.asarray(image if image.mode in PLAIN_MODES else image.convert("RGB"))


def _read_tiff(path):
    """Reads a TIFF by tifffile, which knows 16-bit colour and floats, or by Pillow, which knows the rest."""
    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise ValueError(f"expected one image, the file has {len(file.pages)}")
        page = file.pages[0]
        plain = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
        if plain and page.compression == tifffile.COMPRESSION.NONE:
            return page.asarray()
    return _read_with_pillow(path)


def image_paths(folder):
    """Returns the paths of a folder's image files in the order of their names; hidden ones are passed over."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.name[0] != ".")


def read_folder(folder):
    """Reads all images of a folder, in the order of their names; other files are passed over.

    Images are named by their files, without the extension where that names one file only.

    Raises:
        ValueError: If the folder is missing, holds no images, or holds one that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError("no such folder")
    paths = image_paths(folder)
    if not paths:
        raise ValueError(f"the folder has no images ({', '.join(EXTENSIONS)})")
    stems = [path.stem for path in paths]
    images = [read_image(path) for path in paths]
    return [
        image._replace(name=path.name) if stems.count(path.stem) > 1 else image
        for path, image in zip(paths, images, strict=True)
    ]
