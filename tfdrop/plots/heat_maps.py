"""Class activation maps over photographs: SelectScale, Figs. 1 and 5; FocusedDropout, Fig. 4."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tfdrop.arguments import invalid
from tfdrop.plots.gallery import wrapped
from tfdrop.plots.style import Target, new_figure, save, show_picture

COLOURS = "inferno"  # as bright as the number is large, also in grey and to the colour-blind
OPACITY = 0.55


def heat_maps(
    target: Target,
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    captions: Sequence[str],
    map_captions: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Writes a row for each image: the image, and over it the map of each model, with one colour bar for all.

    Each map is divided by its largest value; what is negative counts as 0.

    Args:
        target: Where to write.
        images: Array of shape `(n, height, width, 1)` or `(n, height, width, 3)`, in [0, 1].
        maps: By the models' names, arrays of shape `(n, height, width)`.
        captions: A text for each image.
        map_captions: By the models' names, a text for each image, under its map.

    Raises:
        ValueError: If there are no images or maps, or shapes or numbers do not match.
    """
    if not len(images) or not maps:
        raise invalid("maps", "maps of at least one model and one image", received=f"{len(maps)} and {len(images)}")
    if len(captions) != len(images):
        raise invalid("captions", f"{len(images)} texts, one for each image", received=f"{len(captions)}")
    for name, found in maps.items():
        if np.shape(found) != images.shape[:3]:
            raise invalid("maps", f"arrays of shape {images.shape[:3]}", received=f"{name}: {np.shape(found)}")
    figure = new_figure(1.7 * (1 + len(maps)) + 0.8, 1.9 * len(images) + 0.3)
    grid = figure.subplots(len(images), 1 + len(maps), squeeze=False)
    for row, image, caption in zip(grid, images, captions, strict=True):
        show_picture(row[0], image, wrapped(caption), fontsize=8)
    for column, (name, found) in enumerate(maps.items(), start=1):
        grid[0, column].set_title(name, fontsize=9, parse_math=False)
        for number, (axes, image) in enumerate(zip(grid[:, column], images, strict=True)):
            text = wrapped(map_captions[name][number]) if map_captions else ""
            show_picture(axes, np.mean(image, axis=-1), text, fontsize=8)
            shares = _shares(found[number])
            axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1, alpha=OPACITY, interpolation="bilinear")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), COLOURS), ax=grid, shrink=min(1.0, 2 / len(images)), aspect=20
    )
    bar.set_label("evidence for the class\n(share of the map's largest)", fontsize=8)
    save(figure, target)


def _shares(values):
    """Returns a map as shares of its largest value, what is negative as 0."""
    positive = np.maximum(values, 0)
    return positive / max(positive.max(), np.finfo("float32").tiny)
