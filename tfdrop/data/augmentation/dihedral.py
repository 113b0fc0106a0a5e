"""Random turns and mirror images."""

from typing import Any

import keras
from keras import ops

from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class RandomDihedral(SeededLayer):
    """Rotates and mirrors each square image at random: one of the eight symmetries of the square, uniformly.

    All channels of a sample are transformed alike, so concatenating images along the channels transforms them
    together. At inference the layer is the identity.

    Args:
        seed: Optional integer seed. Unlike those of the other layers, the draws depend on the backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, size, size, channels)`.

    Output shape:
        That of the input.

    Raises:
        ValueError: If `seed` is neither None nor an integer of at least 0.

    >>> import numpy as np
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> turned = np.asarray(RandomDihedral(seed=1)(image, training=True))
    >>> sorted(turned.ravel()) == sorted(image.ravel())
    True
    >>> bool(turned[0, 1, 1, 0] == image[0, 1, 1, 0])  # the centre stays where it is
    True
    """

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        coins = keras.random.randint((3, ops.shape(images)[0], 1, 1, 1), 0, 2, seed=self.seed_generator)
        transpose, upside_down, mirror = ops.unstack(ops.cast(coins, "bool"), num=3)
        images = ops.where(transpose, ops.transpose(images, (0, 2, 1, 3)), images)
        images = ops.where(upside_down, ops.flip(images, axis=1), images)
        return ops.where(mirror, ops.flip(images, axis=2), images)
