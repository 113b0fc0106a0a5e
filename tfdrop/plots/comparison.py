"""Pictures side by side, each with a detail enlarged: Data Dropout, Fig. 4."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle

from tfdrop.arguments import invalid
from tfdrop.plots.style import Target, new_figure, save, show_picture

DETAIL = "gold"


def comparison(target: Target, pictures: Sequence[tuple[str, np.ndarray]]) -> None:
    """Writes pictures side by side, each with a caption under it, and under that the same detail of each, enlarged.

    Args:
        target: Where to write.
        pictures: List of `(caption, pixels)`, images of one shape, grey or in colour, clipped to [0, 1] for display.
            The detail is the liveliest part of the last one.

    Raises:
        ValueError: If there are no pictures, or they differ in shape.
    """
    shapes = {np.shape(pixels) for _, pixels in pictures}
    shape = next(iter(shapes), ())
    if len(shapes) != 1 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise invalid("pictures", "images of one shape, grey or in colour", received=f"shapes {sorted(shapes)}")
    height, width = shape[:2]
    last = np.asarray(pictures[-1][1])
    top, left, side = liveliest(last if last.ndim == 2 else last.mean(axis=-1))
    inches, heights = 3.2, [height / width, 1]
    figure = new_figure(inches * len(pictures), inches * sum(heights) + 0.8)
    rows = figure.subplots(2, len(pictures), squeeze=False, height_ratios=heights)
    for whole, detail, (caption, pixels) in zip(*rows, pictures, strict=True):
        show_picture(whole, pixels, caption)
        whole.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, color=DETAIL, linewidth=1.5))
        show_picture(detail, pixels[top : top + side, left : left + side])
        for spine in detail.spines.values():
            spine.set(color=DETAIL, linewidth=1.5)
    save(figure, target)


def liveliest(pixels: np.ndarray, share: float = 0.25) -> tuple[int, int, int]:
    """Returns `(top, left, side)` of the square of a grey image in which neighbouring pixels differ most.

    Args:
        pixels: The image, shape `(height, width)`.
        share: Side of the square as a share of the image's shorter side.

    >>> image = np.zeros((40, 60))
    >>> image[20:30:2, 35:45] = 1.0
    >>> top, left, side = liveliest(image)
    >>> bool(abs(top - 20) <= 2 and abs(left - 35) <= 2), side
    (True, 10)
    """
    side = max(1, round(share * min(pixels.shape)))
    change = np.zeros(pixels.shape)
    change[:-1] += np.abs(np.diff(pixels, axis=0))
    change[:, :-1] += np.abs(np.diff(pixels, axis=1))
    # Square roots, so that a texture counts for more than one sharp edge.
    sums = np.pad(np.sqrt(change), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return int(top), int(left), side
