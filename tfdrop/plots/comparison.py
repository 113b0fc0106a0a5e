"""Pictures side by side: Data Dropout, Fig. 4."""

from collections.abc import Sequence

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.plots.style import Target, new_figure, save, show_picture


def comparison(target: Target, pictures: Sequence[tuple[str, np.ndarray]]) -> None:
    """Writes pictures side by side, each with a caption under it.

    Args:
        target: Where to write.
        pictures: List of `(caption, pixels)`, grey images of one shape, clipped to [0, 1] for display.

    Raises:
        ValueError: If there are no pictures, or they differ in shape.
    """
    shapes = {np.shape(pixels) for _, pixels in pictures}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise invalid("pictures", "grey images of one shape", received=f"shapes {sorted(shapes)}")
    height, width = pictures[0][1].shape
    inches = 3.2
    figure = new_figure(inches * len(pictures), inches * height / width + 0.6)
    for axes, (caption, pixels) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, strict=True):
        show_picture(axes, pixels, caption)
    save(figure, target)
