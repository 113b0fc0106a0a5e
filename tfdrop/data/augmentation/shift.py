"""Random crops of padded images, that is, random shifts."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.data.augmentation.windows import cut, random_corners
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
        batch, height, width, _ = ops.shape(images)
        shifts = 2 * self.pixels + 1
        top, left = random_corners(self.seed_generator.next(), batch, shifts, shifts)
        margin = (self.pixels, self.pixels)
        return cut(ops.pad(images, ((0, 0), margin, margin, (0, 0))), top, left, height, width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pixels": self.pixels}
