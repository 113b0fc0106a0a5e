"""Random crops of padded images, that is, random shifts."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class RandomShift(SeededLayer):
    """Shifts each image by up to a number of whole pixels along both axes while the network trains; zeros move in.

    `RandomShift(4)` is the standard augmentation of CIFAR, a random crop of the image's own size from the image padded
    with 4 pixels on each side; `RandomShift(5)` is All-CNN's translation. Every sample has its own shift, all shifts
    being equally likely. Standardize the images first, so that zero is the mean colour. At inference the layer is the
    identity.

    Args:
        pixels: The largest shift, a positive integer.
        seed: Optional integer seed. The same seed gives the same shifts on every backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        That of the input.

    Raises:
        ValueError: If `pixels` is not a positive integer.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2.

    >>> import numpy as np
    >>> images = np.ones((50, 3, 3, 1), "float32")
    >>> shifted = np.asarray(RandomShift(1, seed=1)(images, training=True))
    >>> np.unique(shifted.sum(axis=(1, 2, 3))).tolist()  # what is left of the nine pixels
    [4.0, 6.0, 9.0]
    """

    def __init__(self, pixels: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.pixels = check_whole("pixels", pixels)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        batch, height, width, channels = ops.shape(images)
        noise = uniform(self.seed_generator.next(), (batch, 2))
        top, left = ops.unstack(ops.cast(noise * (2 * self.pixels + 1), "int32"), num=2, axis=1)
        margin = (self.pixels, self.pixels)
        padded = ops.pad(images, ((0, 0), margin, margin, (0, 0)))
        # One gather of whole pixels from all images at once: on CPUs many times faster than one along each axis.
        rows = ops.expand_dims(top, 1) + ops.arange(height)
        columns = ops.expand_dims(left, 1) + ops.arange(width)
        rows += ops.expand_dims(ops.arange(batch), 1) * (height + 2 * self.pixels)
        positions = ops.expand_dims(rows * (width + 2 * self.pixels), 2) + ops.expand_dims(columns, 1)
        moved = ops.take(ops.reshape(padded, (-1, channels)), positions, axis=0)
        return ops.reshape(moved, (batch, height, width, channels))  # JAX's take loses axes of an empty batch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pixels": self.pixels}
