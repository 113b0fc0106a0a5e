"""Grey images from files and folders, or colour ones, as floats for denoising."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage.color
import skimage.util
from numpy.typing import ArrayLike

from tfdrop.arguments import check_choice
from tfdrop.data.images.files import EXTENSIONS, image_paths, read_files, read_pixels


class Image(NamedTuple):
    """An image: its name and its pixels, float32 in [0, 1], `(height, width)`; in colour `(height, width, 3)`."""

    name: str
    pixels: np.ndarray


class FolderImages(list[Image]):
    """The images of a folder, in the order of their names.

    Attributes:
        unreadable: The files that were skipped because they cannot be read, each with the reason.
    """

    unreadable: tuple[str, ...] = ()


def to_grey(pixels: ArrayLike) -> np.ndarray:
    """Converts 8-bit, 16-bit or float pixels, grey or colour, to float32 in [0, 1] of shape `(height, width)`.

    Colour turns grey by scikit-image's luminance weights; an alpha channel is ignored.

    Raises:
        ValueError: If the array is not one image, has signed integers, or has floats outside [0, 1].

    >>> import numpy as np
    >>> to_grey(np.full((2, 3), 51, "uint8"))
    array([[0.2, 0.2, 0.2],
           [0.2, 0.2, 0.2]], dtype=float32)
    """
    found = _to_floats(pixels)
    return (skimage.color.rgb2gray(found).clip(0, 1) if found.ndim == 3 else found).astype("float32")


def to_rgb(pixels: ArrayLike) -> np.ndarray:
    """Converts the same to float32 in [0, 1] of shape `(height, width, 3)`; a grey image has three equal channels.

    >>> import numpy as np
    >>> to_rgb(np.full((2, 3), 51, "uint8")).shape
    (2, 3, 3)
    """
    found = _to_floats(pixels).astype("float32")
    return found if found.ndim == 3 else np.repeat(found[..., None], 3, axis=-1)


def _to_floats(pixels: ArrayLike) -> np.ndarray:
    """Returns the floats of one image: `(height, width)`, or `(height, width, 3)` in colour."""
    found = np.asarray(pixels)
    if found.ndim == 3 and found.shape[-1] in (2, 4):
        found = found[..., :-1]
    if found.ndim == 3 and found.shape[-1] == 1:
        found = found[..., 0]
    if found.ndim not in (2, 3) or (found.ndim == 3 and found.shape[-1] != 3) or 0 in found.shape:
        raise ValueError(f"expected one grey or colour image, received an array of shape {found.shape}")
    if found.dtype.kind == "u":
        # scikit-image multiplies by a rounded 1 / 255, which misses the nearest float by a bit.
        found = found / np.iinfo(found.dtype).max
    elif found.dtype.kind not in "bf":
        raise ValueError(f"expected 8-bit, 16-bit or float pixels, received {found.dtype}")
    found = skimage.util.img_as_float(found)
    if not (found.min() >= 0 and found.max() <= 1):
        raise ValueError(f"expected pixels in [0, 1], received {found.min():.4g} to {found.max():.4g}")
    return found


def read_image(path: str | Path, channels: int = 1) -> Image:
    """Reads a PNG, JPEG, BMP or TIFF file as an `Image` named after the file without its extension.

    Files are read to their full depth, except for 16-bit colour PNG, of which Pillow reads the upper 8 bits. A
    photograph that a camera saved lying on its side is turned upright.

    Args:
        path: The file.
        channels: 1 for grey, 3 for colour, whatever the file has.

    Raises:
        ValueError: If the file cannot be read as one image; the message names it.

    >>> import tempfile, PIL.Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     PIL.Image.new("L", (8, 5), 255).save(f"{folder}/white.png")
    ...     image = read_image(f"{folder}/white.png")
    >>> image.name, image.pixels.shape, float(image.pixels.min())
    ('white', (5, 8), 1.0)
    """
    path = Path(path)
    return Image(path.stem, read_pixels(path, to_channels(channels)))


def to_channels(channels: int) -> Callable[[ArrayLike], np.ndarray]:
    """Returns `to_grey` for 1 channel and `to_rgb` for 3; raises `ValueError` for another number."""
    return {1: to_grey, 3: to_rgb}[check_choice("channels", channels, (1, 3))]


def read_folder(folder: str | Path, skip_unreadable: bool = False, channels: int = 1) -> FolderImages:
    """Reads all images of a folder and its sub-folders, in the order of their names; other files are ignored.

    An image is named after its file, with the sub-folder if there is one ("night/street"), and without the extension
    unless two files differ in nothing else.

    Args:
        folder: The folder.
        skip_unreadable: Whether to go on without images that cannot be read; they are listed in `unreadable`.
        channels: 1 for grey, 3 for colour, whatever the files have.

    Raises:
        ValueError: If the folder is missing or has no images, or if some cannot be read; the message names them all.

    >>> import tempfile, PIL.Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b", "a"):
    ...         PIL.Image.new("L", (8, 5)).save(f"{folder}/{name}.png")
    ...     images = read_folder(folder)
    >>> [image.name for image in images], images.unreadable
    (['a', 'b'], ())
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError("no such folder")
    paths = image_paths(folder)
    if not paths:
        raise ValueError(f"the folder has no images ({', '.join(EXTENSIONS)})")
    reading = read_files(paths, folder, functools.partial(read_image, channels=channels), skip_unreadable)
    stems = [path.relative_to(folder).with_suffix("").as_posix() for path in reading.paths]
    images = FolderImages(
        image._replace(name=path.relative_to(folder).as_posix() if stems.count(stem) > 1 else stem)
        for image, path, stem in zip(reading.images, reading.paths, stems, strict=True)
    )
    images.unreadable = reading.unreadable
    return images
