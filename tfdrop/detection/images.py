"""The images of a detector: read in colour, made to fit into a square, and their boxes with them."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from tfdrop.data.images.colour import read_colour_image
from tfdrop.data.images.files import attempts, first_named
from tfdrop.detection.annotations import Annotated


class Fitted(NamedTuple):
    """An image in a square: at its top left, the rest black.

    Attributes:
        pixels: uint8 array of shape `(side, side, 3)`.
        scale: By what its pixels, and its boxes, were multiplied.
    """

    pixels: np.ndarray
    scale: float


def read(image: Annotated) -> np.ndarray:
    """Returns the pixels of an image, uint8 of shape `(height, width, 3)`; grey and CMYK files become RGB.

    Raises:
        ValueError: If it cannot be read, or is of another size than its annotations say; the message names it.
    """
    try:
        pixels = _decoded(image.file) if isinstance(image.file, bytes) else read_colour_image(image.file)
    # Pillow raises what it likes on a broken file.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{image.name} ({reason.rpartition(f'{_stem(image.name)}: ')[2]})") from error
    if image.size is not None and pixels.shape[:2] != image.size:
        here, noted = (f"{width}x{height}" for height, width in (pixels.shape[:2], image.size))
        raise ValueError(f"{image.name} (is {here}, but its annotations are of {noted})")
    return pixels


def file_size(file: bytes, name: str) -> tuple[int, int]:
    """Returns `(height, width)` that the bytes of an image file state."""
    try:
        with PIL.Image.open(io.BytesIO(file)) as image:
            return image.height, image.width
    except Exception as error:
        raise ValueError(f"cannot read image {name}: {error}") from error


def readable(images: Sequence[Annotated], skip: bool = False, workers: int | None = None) -> tuple[list, list[str]]:
    """Reads every image once, to find out which cannot be read.

    Args:
        images: The `Annotated` images.
        skip: Whether to go on without those that cannot be read.
        workers: How many are read at a time; `None` for what Python finds fit.

    Returns:
        The images that can be read, and a text for each of the others.

    Raises:
        ValueError: If images cannot be read and are not skipped, or if none can; the message counts and names them.
    """

    def look(image: Annotated) -> None:
        read(image)

    failures = list(attempts(images, look, workers))
    unreadable = [str(failure) for failure in failures if failure is not None]
    if unreadable and not (skip and len(unreadable) < len(images)):
        raise ValueError(f"cannot read {len(unreadable)} of {len(images)} images: {first_named(unreadable)}")
    return [image for image, failure in zip(images, failures, strict=True) if failure is None], unreadable


def fit(pixels: np.ndarray, side: int) -> Fitted:
    """Resizes an image so that its longer side is that of the square.

    >>> fitted = fit(np.full((4, 8, 3), 200, "uint8"), 16)
    >>> fitted.scale, fitted.pixels[7, 15].tolist(), fitted.pixels[8, 0].tolist()
    (2.0, [200, 200, 200], [0, 0, 0])
    """
    scale = side / max(pixels.shape[:2])
    height, width = (max(1, round(scale * length)) for length in pixels.shape[:2])
    resized = PIL.Image.fromarray(pixels).resize((width, height), PIL.Image.Resampling.BILINEAR)
    square = np.zeros((side, side, 3), "uint8")
    square[:height, :width] = np.asarray(resized)
    return Fitted(square, scale)


def flipped(pixels: np.ndarray, boxes: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Mirrors a fitted image of some width, the black part aside, and its boxes.

    >>> pixels, boxes = flipped(np.arange(12).reshape(2, 2, 3), np.float32([[0, 0, 1, 2]]), 2)
    >>> pixels[0, 0].tolist(), boxes.tolist()
    ([3, 4, 5], [[1.0, 0.0, 2.0, 2.0]])
    """
    columns = max(1, round(width))
    mirrored = pixels.copy()
    mirrored[:, :columns] = pixels[:, :columns][:, ::-1]
    left, top, right, bottom = boxes.T
    return mirrored, np.stack([width - right, top, width - left, bottom], axis=-1).reshape(-1, 4)


def _decoded(file: bytes) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(file)) as image:
        return np.asarray(PIL.ImageOps.exif_transpose(image).convert("RGB"))


def _stem(name):
    return name.rpartition("/")[2]
