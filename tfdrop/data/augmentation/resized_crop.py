"""Random crops of random size and aspect ratio, resized: the augmentation of ImageNet."""

import math

import keras
from keras import ops

from tfdrop.arguments import check_whole, invalid, is_number
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer

ATTEMPTS = 10


@keras.saving.register_keras_serializable("tfdrop")
class RandomResizedCrop(SeededLayer):
    """Cuts a rectangle of random area, aspect ratio and place from each image and resizes it, while the network trains.

    The area is a uniform share of the image's, the logarithm of the aspect ratio is uniform. A rectangle that does not
    fit is drawn anew, ten times at most; then the largest square is taken. At inference it is the largest square in
    the centre, resized likewise, so that the output's shape is the same.

    Resizing is bilinear with antialiasing, and is two products with matrices, which is what accelerators are for.

    Args:
        size: Height and width of the output.
        area: Least and greatest share of the image's area.
        aspect_ratio: Least and greatest ratio of width to height.
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
    """

    def __init__(self, size, area=(0.08, 1.0), aspect_ratio=(3 / 4, 4 / 3), seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.size = check_whole("size", size)
        self.area = _check_range("area", area, highest=1.0)
        self.aspect_ratio = _check_range("aspect_ratio", aspect_ratio, highest=math.inf)

    def call(self, images, training=False):
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

    def _draw(self, batch, height, width):
        """Returns tops, heights, lefts and widths, shape `(batch,)` each: whole numbers as floats."""
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

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self):
        config = {"size": self.size, "area": self.area, "aspect_ratio": self.aspect_ratio}
        return {**super().get_config(), **config}


def _resizing(start, length, source, size):
    """Returns the matrices that resize intervals of an axis to `size` pixels, shape `(batch, size, source)`.

    The weights of an output pixel are a triangle about its centre, as wide as two of its pixels or two of the
    source's, whichever is wider; they are cut off at the interval's ends and sum to 1.
    """
    start, length = (ops.reshape(value, (-1, 1, 1)) for value in (start, length))
    scale = length / size
    centre = start + (ops.reshape(ops.arange(size, dtype="float32"), (1, -1, 1)) + 0.5) * scale
    pixel = ops.reshape(ops.arange(source, dtype="float32"), (1, 1, -1)) + 0.5
    weights = ops.maximum(1.0 - ops.abs(pixel - centre) / ops.maximum(scale, 1.0), 0.0)
    weights = ops.where((pixel > start) & (pixel < start + length), weights, 0.0)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def _check_range(name, bounds, highest):
    low, high = bounds if len(bounds) == 2 else (None, None)
    if not (is_number(low) and is_number(high) and 0 < low <= high <= highest):
        raise invalid(name, f"two numbers, 0 < least <= greatest{f' <= {highest:g}' * (highest < math.inf)}", bounds)
    return (float(low), float(high))
