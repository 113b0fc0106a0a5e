"""Crops of random size and aspect ratio, resized: the usual augmentation of ImageNet."""

import math
from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole, invalid, is_number
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer

ATTEMPTS = 10


@keras.saving.register_keras_serializable("tfdrop")
class RandomResizedCrop(SeededLayer):
    """Cuts a rectangle of random area, aspect ratio and position from each image and resizes it during training.

    The area is a uniform share of the image's area; the logarithm of the aspect ratio is uniform. A rectangle that does
    not fit is drawn again, up to ten times; after that, the largest square is used. At inference it is the largest
    square in the centre, resized in the same way, so that the output has the same shape.

    Resizing is bilinear with antialiasing; it consists of two matrix products, which suits accelerators.

    Args:
        size: Height and width of the output.
        area: Smallest and largest share of the image's area.
        aspect_ratio: Smallest and largest ratio of width to height.
        seed: Optional integer seed. The same seed gives the same crops on every backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`: floats.

    Output shape:
        `(batch, size, size, channels)`.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", 2015, section 6.

    >>> layer = RandomResizedCrop(8, seed=1)
    >>> tuple(layer(ops.ones((2, 12, 16, 3)), training=True).shape)
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        size: int,
        area: tuple[float, float] = (0.08, 1.0),
        aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.size = check_whole("size", size)
        self.area = _check_range("area", area, highest=1.0)
        self.aspect_ratio = _check_range("aspect_ratio", aspect_ratio, highest=math.inf)

    def call(self, images: Any, training: bool = False) -> Any:
        batch, height, width, _ = ops.shape(images)
        if training:
            tops, heights, lefts, widths = self._draw(batch, height, width)
        else:
            side = min(height, width)
            heights = widths = ops.full((batch,), float(side))
            tops, lefts = (ops.full((batch,), float((length - side) // 2)) for length in (height, width))
        rows = ops.cast(_resizing(tops, heights, height, self.size), images.dtype)
        columns = ops.cast(_resizing(lefts, widths, width, self.size), images.dtype)
        return ops.einsum("bjw,biwc->bijc", columns, ops.einsum("bih,bhwc->biwc", rows, images))

    def _draw(self, batch: Any, height: int, width: int) -> list[Any]:
        """Returns tops, heights, lefts and widths, each of shape `(batch,)`: whole numbers as floats."""
        noise = uniform(self.seed_generator.next(), (batch, ATTEMPTS + 1, 4))
        share, shape, above, before = ops.unstack(noise, num=4, axis=2)
        area = (self.area[0] + (self.area[1] - self.area[0]) * share) * (height * width)
        low, high = (math.log(bound) for bound in self.aspect_ratio)
        ratio = ops.exp(low + (high - low) * shape)
        # The last attempt always fits.
        last = ops.arange(ATTEMPTS + 1) == ATTEMPTS
        side = float(min(height, width))
        heights = ops.where(last, side, ops.maximum(ops.round(ops.sqrt(area / ratio)), 1.0))
        widths = ops.where(last, side, ops.maximum(ops.round(ops.sqrt(area * ratio)), 1.0))
        tops = ops.floor(above * (height - heights + 1.0))
        lefts = ops.floor(before * (width - widths + 1.0))
        fits = ops.cast((heights <= height) & (widths <= width), "int32")
        first = ops.expand_dims(ops.argmax(fits, axis=1), 1)
        return [ops.take_along_axis(drawn, first, axis=1)[:, 0] for drawn in (tops, heights, lefts, widths)]

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        config = {"size": self.size, "area": self.area, "aspect_ratio": self.aspect_ratio}
        return {**super().get_config(), **config}


def _resizing(start: Any, length: Any, source: int, size: int) -> Any:
    """Returns the matrices that resize intervals of an axis to `size` pixels, shape `(batch, size, source)`.

    The weights of an output pixel form a triangle around its centre, as wide as two output pixels or two source
    pixels, whichever is wider; they are cut off at the ends of the interval and sum to 1.
    """
    start, length = (ops.reshape(value, (-1, 1, 1)) for value in (start, length))
    scale = length / size
    centre = start + (ops.reshape(ops.arange(size, dtype="float32"), (1, -1, 1)) + 0.5) * scale
    pixel = ops.reshape(ops.arange(source, dtype="float32"), (1, 1, -1)) + 0.5
    weights = ops.maximum(1.0 - ops.abs(pixel - centre) / ops.maximum(scale, 1.0), 0.0)
    weights = ops.where((pixel > start) & (pixel < start + length), weights, 0.0)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def _check_range(name: str, bounds: tuple[float, float], highest: float) -> tuple[float, float]:
    low, high = bounds if len(bounds) == 2 else (math.nan, math.nan)
    if not (is_number(low) and is_number(high) and 0 < low <= high <= highest):
        raise invalid(name, f"two numbers, 0 < least <= greatest{f' <= {highest:g}' * (highest < math.inf)}", bounds)
    return (float(low), float(high))
