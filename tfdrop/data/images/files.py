"""Image files: which files a folder has, their pixels as a viewer shows them, and files that cannot be read."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import PIL.Image
import PIL.ImageOps
import tifffile

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
# Pillow's modes whose numbers are the pixels. Pillow turns all others (palettes, CMYK, alpha, ...) into RGB; it would
# clip "I" and "F" to 8 bits on the way, so `to_grey` and `to_colour` judge those.
PLAIN_MODES = ("1", "L", "I", "I;16", "I;16B", "I;16L", "I;16N", "F", "RGB")
ORIENTATION = 274  # the tag that says how a camera was held
MOST_NAMED = 50
BEGUN = 4096  # files whose results may wait for those before them

Item = TypeVar("Item")
Pixels = TypeVar("Pixels")


class Reading(NamedTuple, Generic[Pixels]):
    """What reading several files gave.

    Attributes:
        images: What was read, in the order of the files.
        paths: The files that were read.
        unreadable: The other files, each with the reason: "bees/7.png: broken PNG file".
    """

    images: list[Pixels]
    paths: list[Path]
    unreadable: tuple[str, ...]


def image_paths(folder: Path) -> list[Path]:
    """Returns the paths of the image files in a folder and its sub-folders, sorted; hidden ones are skipped."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_files(
    paths: Sequence[Path],
    folder: Path,
    read: Callable[[Path], Pixels],
    skip_unreadable: bool = False,
    workers: int | None = None,
) -> Reading[Pixels]:
    """Reads image files, several at a time.

    Args:
        paths: The files.
        folder: The folder that the messages name files relative to.
        read: Function from a path to what is read; it raises `ValueError` for a file that cannot be read.
        skip_unreadable: Whether to go on without the files that cannot be read.
        workers: How many are read at a time; `None` for what Python finds fit.

    Raises:
        ValueError: If files cannot be read and are not skipped, or if none can; the message names them all.
    """

    results = list(attempts(paths, read, workers))
    failures = [(path, result) for path, result in zip(paths, results, strict=True) if isinstance(result, ValueError)]
    names = [path.relative_to(folder).as_posix() for path, _ in failures]
    named = [(name, reason_of(name, error)) for name, (_, error) in zip(names, failures, strict=True)]
    if failures and not (skip_unreadable and len(failures) < len(paths)):
        raise unreadable_error(named, len(paths))
    kept = [(path, result) for path, result in zip(paths, results, strict=True) if not isinstance(result, ValueError)]
    return Reading(
        [result for _, result in kept],
        [path for path, _ in kept],
        tuple(f"{name}: {reason}" for name, reason in named),
    )


def attempts(
    items: Sequence[Item], read: Callable[[Item], Pixels], workers: int | None = None
) -> Iterator[Pixels | ValueError]:
    """Yields what a function returns for each of some items, or the `ValueError` that it raises; several at a time."""

    def attempt(item: Item) -> Pixels | ValueError:
        try:
            return read(item)
        except ValueError as error:
            return error

    # Decoding releases Python's lock, so threads help.
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), BEGUN):
            yield from pool.map(attempt, items[start : start + BEGUN])


def read_pixels(path: str | Path, convert: Callable[[np.ndarray], Pixels]) -> Pixels:
    """Reads an image file, upright, and returns what the function `convert` makes of its pixels.

    Cameras save photographs as their sensor lies and note how they were held; the pixels are turned accordingly.

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
        raise ValueError(f"{_opening(path.name)}{reason}") from error


def _read_with_pillow(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as image:
        # A camera's multi-picture JPEG begins with the photograph; previews and depth maps follow.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if frames > 1:
            raise ValueError(f"expected one image, the file has {frames}")
        upright = PIL.ImageOps.exif_transpose(image)
        return np.asarray(upright if upright.mode in PLAIN_MODES else upright.convert("RGB"))


def _read_tiff(path: Path) -> np.ndarray:
    """Reads a TIFF by tifffile, which knows 16-bit colour and floats, or by Pillow, which knows the rest."""
    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise ValueError(f"expected one image, the file has {len(file.pages)}")
        page = file.pages.first
        # As Pillow refuses files of other formats.
        if page.imagewidth * page.imagelength > 2 * (PIL.Image.MAX_IMAGE_PIXELS or math.inf):
            raise ValueError(f"{page.imagewidth}x{page.imagelength} pixels are more than any picture has")
        plain = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK.value, tifffile.PHOTOMETRIC.RGB.value)
        # Samples of 12 bits, say, would be read as dark ones of 16.
        whole = page.bitspersample == 1 or (page.dtype is not None and page.bitspersample == 8 * page.dtype.itemsize)
        if plain and whole and page.compression == tifffile.COMPRESSION.NONE:
            pixels = page.asarray()
            if page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
                pixels = np.moveaxis(pixels, 0, -1)
            tag = page.tags.get(ORIENTATION)
            return _upright(pixels, 1 if tag is None else int(tag.value))
    return _read_with_pillow(path)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns pixels as TIFF's orientation tag says; 5 to 8 swap rows and columns."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def unreadable_error(failures: Sequence[tuple[str, str]], files: int) -> ValueError:
    """Returns the error for some of so many files, each with its name and the reason, that names them all."""
    if len(failures) == 1:
        name, reason = failures[0]
        folder, _, file = name.rpartition("/")
        return ValueError(f"{folder + ': ' if folder else ''}{_opening(file)}{reason}")
    named = first_named([f"{name} ({reason})" for name, reason in failures])
    return ValueError(f"cannot read {len(failures)} of {files} images: {named}")


def first_named(texts: Sequence[str]) -> str:
    """Returns some texts in a row, the first fifty, and how many more there are.

    >>> first_named(["a.png (broken)", "b.png (empty)"])
    'a.png (broken); b.png (empty)'
    """
    more = f"; and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
    return "; ".join(texts[:MOST_NAMED]) + more


def reason_of(name: str, error: Exception) -> str:
    """Returns why a file of that name cannot be read, without the name."""
    return str(error).removeprefix(_opening(name.rpartition("/")[2]))


def _opening(file: str) -> str:
    return f"cannot read image {file}: "
