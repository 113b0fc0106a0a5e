"""Tiles that overlap by what a pixel of a denoiser's output sees, so that images of any size need little memory."""

import itertools
import math
from typing import NamedTuple

from tfdrop.arguments import check_whole

SIDE = 1024  # pixels a side: of 64 maps in float32 that is 256 MiB, and two of these are there at a time


class Tile(NamedTuple):
    """A tile of an image: slices of its rows and columns.

    Attributes:
        seen: What is computed.
        kept: The part of the image that is kept of it.
        inner: Where that part is in what was computed.
    """

    seen: tuple[slice, slice]
    kept: tuple[slice, slice]
    inner: tuple[slice, slice]


def tiles(height: int, width: int, radius: int | None, side: int | None = SIDE) -> list[Tile]:
    """Returns the tiles that an image is computed in, so that the result is that of the whole image.

    A tile's rim, as wide as the receptive radius, is dropped, except where the image ends and so is padded alike. All
    tiles have one size, so that a network is compiled once.

    Args:
        height, width: The image's.
        radius: The network's `receptive_radius`; `None` for the whole image.
        side: Largest height and width that is computed at once, or four radii if that is more; `None` for the whole.

    Raises:
        ValueError: If `side` is neither `None` nor an integer of at least 1.

    >>> len(tiles(2000, 3000, radius=17, side=768))
    15
    """
    return [
        Tile((seen_rows, seen_columns), (rows, columns), (_within(rows, seen_rows), _within(columns, seen_columns)))
        for seen_rows, rows in _intervals(height, radius, side)
        for seen_columns, columns in _intervals(width, radius, side)
    ]


def _intervals(length: int, radius: int | None, side: int | None) -> list[tuple[slice, slice]]:
    """Returns the tiles of one axis: what is computed, all of one length, and the part of it that is kept."""
    if side is not None:
        side = max(check_whole("tile", side), 4 * (radius or 0))
    if side is None or radius is None or length <= side:
        return [(slice(0, length), slice(0, length))]
    count = math.ceil((length - 2 * radius) / (side - 2 * radius))
    size = math.ceil((length - 2 * radius) / count) + 2 * radius
    starts = [index * (length - size) // (count - 1) for index in range(count)]
    ends = [0, *(start + radius for start in starts[1:]), length]
    return [
        (slice(start, start + size), slice(*kept)) for start, kept in zip(starts, itertools.pairwise(ends), strict=True)
    ]


def _within(kept: slice, seen: slice) -> slice:
    return slice(kept.start - seen.start, kept.stop - seen.start)
