"""Picture files whose pixels are changed and everything else kept: mode, bit depth, alpha, EXIF, colour profile.

Pixels lie as the file has them: a photograph that a camera saved on its side stays there, with the note that says so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import PIL.Image
import PIL.JpegImagePlugin
import tifffile

from tfdrop.checkpoint import replace
from tfdrop.data.images import png_chunks
from tfdrop.data.images.files import ORIENTATION

# Pillow's modes whose numbers are pixels, with those that a palette or a transparent colour turns into.
KEPT_MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16")
KEPT_TIFF_TAGS = {
    270,
    271,
    272,
    ORIENTATION,
    305,
    306,
    315,
    700,
    33432,
}  # what the picture shows, by whom, and which way is up
KEPT_COMPRESSIONS = ("NONE", "LZW", "ADOBE_DEFLATE", "DEFLATE", "PACKBITS", "ZSTD")


class Picture(NamedTuple):
    """A picture of a file.

    Attributes:
        pixels: Array of shape `(height, width)` or `(height, width, channels)`, alpha included: uint8, uint16 or bool,
            or floats in [0, 1].
        note: What of the file cannot be kept, a text, or empty.
        write: Function from a path and pixels of that shape and dtype that writes such a file.
    """

    pixels: np.ndarray
    note: str
    write: Callable[[Path, np.ndarray], None]

    @property
    def channels(self) -> int:
        """The channels without alpha: 1 for grey, 3 for colour."""
        return 1 if self.pixels.ndim == 2 else self.pixels.shape[-1] - (self.pixels.shape[-1] in (2, 4))


def read_picture(path: str | Path) -> Picture:
    """Reads a PNG, JPEG, BMP or TIFF file of 1, 8 or 16 bits, grey or colour, with alpha or without; or a float TIFF.

    A picture with a palette, or with one transparent colour, becomes one of 8-bit channels, as denoised pixels need.

    Raises:
        ValueError: If the file cannot be read as one such image; the message names it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     PIL.Image.new("LA", (8, 5), (255, 9)).save(f"{folder}/white.png")
    ...     read_picture(f"{folder}/white.png").pixels[0, 0]
    array([255,   9], dtype=uint8)
    """
    path = Path(path)
    try:
        if path.suffix.lower() in (".tif", ".tiff") and (picture := _read_tiff(path)) is not None:
            return picture
        return _read_with_pillow(path)
    # The readers raise what they like on a broken file, struct.error and SyntaxError included.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot read image {path.name}: {reason}") from error


def write_picture(path: str | Path, picture: Picture, pixels: np.ndarray) -> None:
    """Writes a file like that of a picture, with other pixels; it appears once it is whole.

    Raises:
        OSError: If it cannot be written; what was there before is untouched, and no part of it is left.
    """
    path = Path(path)
    partials: list[Path] = []

    def save(partial: Path) -> None:
        partials.append(partial)
        picture.write(partial, pixels)

    try:
        replace(path, save)
    except BaseException:
        for partial in partials:
            partial.unlink(missing_ok=True)
        raise


def _read_with_pillow(path: Path) -> Picture:
    with PIL.Image.open(path) as image:
        # A camera's multi-picture JPEG begins with the photograph; previews and depth maps follow.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if frames > 1:
            raise ValueError(f"expected one image, the file has {frames}")
        if image.format == "PNG":
            return _read_png(path, image)
        image.load()
        plain, note = _plain(image)
        if image.format == "MPO":
            note = "the previews or depth maps after the photograph are left out"
        arguments = _pillow_arguments(image, plain.mode)
    return Picture(np.asarray(plain), note, lambda to, pixels: PIL.Image.fromarray(pixels).save(to, **arguments))


def _read_png(path: Path, image: PIL.Image.Image) -> Picture:
    """Reads a PNG, which libpng will write: Pillow has no colour of 16 bits. What else the file says is copied."""
    original = path.read_bytes()
    kept = png_chunks.kept(original)
    if png_chunks.bit_depth(original) == 16:
        if "transparency" in image.info:
            raise ValueError("a transparent colour of 16 bits")
        pixels, note = imagecodecs.png_decode(original), ""
        pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    else:
        image.load()
        plain, note = _plain(image)
        if plain.mode == "L" and png_chunks.bit_depth(original) < 8 and not note:
            note = f"grey of {png_chunks.bit_depth(original)} bits becomes grey of 8 bits"
        pixels = np.asarray(plain)

    def write(to: Path, pixels: np.ndarray) -> None:
        if pixels.dtype == bool:
            PIL.Image.fromarray(pixels).save(to, format="PNG")
            encoded = to.read_bytes()
        else:
            encoded = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
        to.write_bytes(png_chunks.with_chunks(encoded, kept))

    return Picture(pixels, note, write)


def _plain(image: PIL.Image.Image) -> tuple[PIL.Image.Image, str]:
    """Returns the image in a mode whose numbers are pixels, and what that changes."""
    if image.mode in KEPT_MODES and "transparency" not in image.info:
        return image, ""
    if image.mode == "P":
        red, green, blue, alpha = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
        mode = "L" if (red == green).all() and (green == blue).all() else "RGB"
        mode += "" if alpha.min() == 255 else "A"
        return image.convert("RGBA").convert(mode), f"its palette becomes {mode} of 8 bits"
    if image.mode in ("L", "RGB"):
        mode = "LA" if image.mode == "L" else "RGBA"
        return image.convert("RGBA").convert(mode), "its transparent colour becomes an alpha channel"
    raise ValueError(f"expected grey or RGB, with alpha or without; it is {image.mode}")


def _pillow_arguments(image: PIL.Image.Image, mode: str) -> dict[str, Any]:
    """Returns what Pillow needs to save an image as a file was saved."""
    kind = "JPEG" if image.format == "MPO" else image.format
    arguments: dict[str, Any] = {"format": kind}
    for name in ("exif", "icc_profile", "dpi", "xmp", "comment"):
        if image.info.get(name):
            arguments[name] = image.info[name]
    if kind == "TIFF":
        arguments["compression"] = image.info.get("compression")  # the image is upright: Pillow turns a TIFF
    if kind == "JPEG":
        # Its own tables: as fine as the original, and as large.
        arguments |= {"qtables": image.quantization, "subsampling": PIL.JpegImagePlugin.get_sampling(image)}  # type: ignore[attr-defined]
        if arguments["subsampling"] < 0 or mode == "L":
            del arguments["subsampling"]
    return arguments


def _read_tiff(path: Path) -> Picture | None:
    """Reads a TIFF by tifffile, which knows 16-bit colour, alpha and floats; returns `None` for what Pillow knows."""
    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise ValueError(f"expected one image, the file has {len(file.pages)}")
        page: Any = file.pages.first
        plain = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
        # Samples of 12 bits, say, would be read as dark ones of 16.
        whole = page.dtype is not None and page.bitspersample == 8 * page.dtype.itemsize
        if not (plain and whole and page.dtype.kind in "uf" and page.compression.name in KEPT_COMPRESSIONS):
            return None
        pixels = page.asarray()
        if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            pixels = np.moveaxis(pixels, 0, -1)
        arguments = _tiff_arguments(page)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (2, 3, 4)):
        raise ValueError(f"expected one grey or colour image, received an array of shape {pixels.shape}")
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"expected float pixels in [0, 1], received {pixels.min():.4g} to {pixels.max():.4g}")
    return Picture(pixels, "", lambda to, changed: _write_tiff(to, changed, arguments))


def _write_tiff(path: Path, pixels: np.ndarray, arguments: dict[str, Any]) -> None:
    tifffile.imwrite(path, np.ascontiguousarray(pixels), metadata=None, planarconfig="contig", **arguments)


def _tiff_arguments(page: Any) -> dict[str, Any]:
    tags = [page.tags[code] for code in sorted(KEPT_TIFF_TAGS) if code in page.tags]
    resolution = [page.tags[code].value for code in (282, 283) if code in page.tags]
    return {
        "photometric": page.photometric.name.lower(),
        "compression": None if page.compression.name == "NONE" else page.compression.name.lower(),
        "extrasamples": [sample.name.lower() for sample in page.extrasamples] or None,
        "byteorder": page.parent.byteorder,
        "iccprofile": page.iccprofile,
        "resolution": tuple(each[0] / each[1] for each in resolution) if len(resolution) == 2 else None,
        "resolutionunit": page.tags[296].value if 296 in page.tags else None,
        "software": False,
        "extratags": [(tag.code, tag.dtype, None if tag.dtype == 2 else tag.count, tag.value, True) for tag in tags],
    }
