"""What a page consists of, as the template takes it."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

LARGEST_SIDE = 1600  # of a picture, in pixels
QUALITY = 85  # of photographs, as JPEG


class Table(NamedTuple):
    """A table; the first cell of each row is its name.

    Attributes:
        caption: What it shows.
        header: The columns' names.
        rows: The cells, texts.
        notes: Sentences under it.
        folded: Whether it is shown when asked for only.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    folded: bool = False


class Picture(NamedTuple):
    """A picture.

    Attributes:
        source: It as a data URI.
        alt: What it shows, for those who cannot see it.
        caption: The text under it.
        chart: Whether it is drawn on white, so that a dark page may invert it.
        wide: Whether it is so wide that small screens scroll it.
    """

    source: str
    alt: str
    caption: str = ""
    chart: bool = False
    wide: bool = False


class Tile(NamedTuple):
    """A small picture in a gallery, with its lines of text; framed where the sample was dropped."""

    picture: Picture
    lines: Sequence[str]
    framed: bool = False


class Gallery(NamedTuple):
    """Small pictures with a caption."""

    caption: str
    tiles: Sequence[Tile]


class Samples(NamedTuple):
    """The table whose rows can be sorted and filtered.

    Attributes:
        caption: What it shows, and of how many samples.
        group: What the filter chooses by: "class" or "image".
        groups: Their names.
        header: The columns' names, and whether they hold texts; the first is that of the picture.
        rows: For each sample its picture or `None`, its group, and its cells: pairs of a text and what it is sorted by.
    """

    caption: str
    group: str
    groups: Sequence[str]
    header: Sequence[tuple[str, bool]]
    rows: Sequence[tuple[Picture | None, str, Sequence[tuple[str, Any]]]]


class Section(NamedTuple):
    """A part of a page under a heading of its own."""

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    galleries: Sequence[Gallery] = ()
    samples: Sequence[Samples] = ()
    code: str = ""


def drawn(draw: Callable[..., None], *arguments: Any, alt: str, caption: str = "", **named: Any) -> Picture:
    """Returns a figure of `tfdrop.plots` as a picture."""
    buffer = io.BytesIO()
    draw(buffer, *arguments, **named)
    return Picture(_data_uri("png", buffer.getvalue()), alt, caption, chart=True)


def photograph(path: Any, alt: str, caption: str = "") -> Picture:
    """Returns an image file as a picture, made smaller where it is large."""
    with PIL.Image.open(path) as image:
        return Picture(_encoded(image.convert("RGB"), "jpeg"), alt, caption, wide=image.width > 2 * image.height)


def thumbnail(pixels: np.ndarray, alt: str, side: int = 128) -> Picture:
    """Returns an image in [0, 1], of shape `(height, width)` or with one or three channels, as a small picture."""
    values = np.round(255 * np.clip(pixels, 0, 1)).astype("uint8")
    image = PIL.Image.fromarray(values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values)
    return Picture(_encoded(image, "png" if max(image.size) <= side else "jpeg", side), alt)


def _encoded(image, kind, side=LARGEST_SIDE):
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": QUALITY} if kind == "jpeg" else {"optimize": True}))
    return _data_uri(kind, buffer.getvalue())


def _data_uri(kind, content):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
