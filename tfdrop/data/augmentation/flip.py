"""Random mirror images."""

from typing import Any

import keras
from keras import ops

from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class RandomHorizontalFlip(SeededLayer):
    """Mirrors each image left to right with probability 1/2 while the network trains; at inference, the identity.

    Keras's `RandomFlip` does not save its random state with the model, and its flips depend on the backend.

    Args:
        seed: Optional integer seed. The same seed flips the same images on every backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        That of the input.

    >>> import numpy as np
    >>> images = np.tile(np.arange(3.0).reshape(1, 1, 3, 1), (100, 1, 1, 1))
    >>> flipped = np.asarray(RandomHorizontalFlip(seed=1)(images, training=True))
    >>> np.unique(flipped[:, 0, :, 0], axis=0).tolist()
    [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]
    """

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        heads = uniform(self.seed_generator.next(), (ops.shape(images)[0], 1, 1, 1)) < 0.5
        return ops.where(heads, ops.flip(images, axis=2), images)
