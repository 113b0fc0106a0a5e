"""Random mirror images."""

import keras
from keras import ops

from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class RandomHorizontalFlip(SeededLayer):
    """Swaps left and right in each image with probability 1/2 while the network trains; else it is the identity.

    Keras's `RandomFlip` differs in that its random state is not saved with the model, and in that its flips depend on
    the backend.

    Args:
        seed: Optional integer seed. The same seed flips the same images on every backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        That of the input.
    """

    def call(self, images, training=False):
        if not training:
            return images
        heads = uniform(self.seed_generator.next(), (ops.shape(images)[0], 1, 1, 1)) < 0.5
        return ops.where(heads, ops.flip(images, axis=2), images)
