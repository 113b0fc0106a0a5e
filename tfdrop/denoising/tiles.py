"""A denoiser on images of any size: in tiles that overlap by what a pixel of its output sees, so memory is bounded."""

import itertools
import math
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from tfdrop.arguments import check_whole

TILE = 768  # pixels a side: of 64 maps in float32 that is 144 MiB
# Layers whose output at a pixel depends on the input at that pixel alone.
POINTWISE = {
    *("InputLayer", "BatchNormalization", "ReLU", "LeakyReLU", "ELU", "Activation", "Rescaling", "Identity"),
    *("Dropout", "SpatialDropout2D", "GaussianNoise", "Add", "Subtract", "Multiply", "Concatenate", "Split"),
}


def receptive_radius(model: keras.Model) -> int | None:
    """Returns how many pixels away an input may lie that an output pixel depends on, or `None` if that is not known.

    It is known for a network of convolutions with stride 1 and `padding="same"` and of layers that treat every pixel by
    itself, such as DnCNN: 17 for 17 layers of 3x3. Elsewhere tiles would show.

    >>> from tfdrop.models import DnCNN
    >>> receptive_radius(DnCNN(depth=17, filters=2))
    17
    """
    radius = 0
    for operation in model.layers if isinstance(model, keras.Sequential) else getattr(model, "operations", [None]):
        if isinstance(operation, keras.Model):
            inner = receptive_radius(operation)
            if inner is None:
                return None
            radius += inner
        elif isinstance(operation, layers.Conv2D):
            if operation.padding != "same" or operation.strides != (1, 1):
                return None
            sizes = zip(operation.kernel_size, operation.dilation_rate, strict=True)
            radius += max(size // 2 * dilation for size, dilation in sizes)
        elif type(operation).__name__ not in POINTWISE or getattr(operation, "axis", -1) not in (-1, 3):
            return None
    return radius


def apply_in_tiles(
    model: keras.Model, images: np.ndarray, tile: int | None = TILE, after_tile: Callable[[], object] | None = None
) -> np.ndarray:
    """Returns the model's output for images, computed tile by tile where they are larger than a tile.

    The output is that for the whole images to float32's rounding. A tile's rim, as wide as the receptive radius, is
    dropped, except where the image ends and so is padded alike. All tiles of an image have one size, so that the
    network is compiled once.

    Args:
        model: Keras model from `(n, height, width, channels)` to as many pixels.
        images: float32 array of that shape, with pixels.
        tile: Largest height and width that is computed at once, or four receptive radii if that is more; `None` for
            whole images. They are computed whole also where the receptive radius is not known.
        after_tile: Called after every tile, of which there are `count_tiles` for each image.

    Raises:
        ValueError: If `tile` is neither `None` nor an integer of at least 1.

    >>> from tfdrop.models import DnCNN
    >>> model, image = DnCNN(depth=3, filters=4), np.random.rand(1, 40, 30, 1).astype("float32")
    >>> np.allclose(apply_in_tiles(model, image, tile=16), model(image), atol=1e-6)
    True
    """
    radius, (height, width) = receptive_radius(model), images.shape[1:3]
    output = np.empty((*images.shape[:3], model.output_shape[-1]), "float32")
    for image, denoised in zip(images, output, strict=True):
        for seen_rows, rows in _tiles(height, radius, tile):
            for seen_columns, columns in _tiles(width, radius, tile):
                # Compiled: called as it is, a Keras model keeps every layer's output until the last one is computed.
                found = np.asarray(model.predict_on_batch(image[None, seen_rows, seen_columns]))[0]
                kept = found[_within(rows, seen_rows), _within(columns, seen_columns)]
                denoised[rows, columns] = kept
                if after_tile is not None:
                    after_tile()
    return output


def count_tiles(height: int, width: int, radius: int | None, tile: int | None = TILE) -> int:
    """Returns in how many tiles an image of that size is computed by a model with that receptive radius.

    >>> count_tiles(2000, 3000, radius=17, tile=768)
    15
    """
    return len(_tiles(height, radius, tile)) * len(_tiles(width, radius, tile))


def _tiles(length: int, radius: int | None, tile: int | None) -> list[tuple[slice, slice]]:
    """Returns the tiles of one axis: what is computed, all of one length, and the part of it that is kept."""
    if tile is not None:
        tile = max(check_whole("tile", tile), 4 * (radius or 0))
    if tile is None or radius is None or length <= tile:
        return [(slice(0, length), slice(0, length))]
    count = math.ceil((length - 2 * radius) / (tile - 2 * radius))
    size = math.ceil((length - 2 * radius) / count) + 2 * radius
    starts = [index * (length - size) // (count - 1) for index in range(count)]
    ends = [0, *(start + radius for start in starts[1:]), length]
    return [
        (slice(start, start + size), slice(*kept)) for start, kept in zip(starts, itertools.pairwise(ends), strict=True)
    ]


def _within(kept: slice, seen: slice) -> slice:
    return slice(kept.start - seen.start, kept.stop - seen.start)
