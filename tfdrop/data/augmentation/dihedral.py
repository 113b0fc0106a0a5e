"""Augmentation as Keras layers."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfdrop")
class RandomDihedral(keras.layers.Layer):
    """Turns and mirrors each square image at random: one of the eight symmetries of the square, uniformly.

    Active in training only; all channels of a sample are transformed alike, so concatenating images along the
    channels transforms them together.

    Args:
        seed: Optional integer seed.

    Input shape:
        `(batch, size, size, channels)`.

    Output shape:
        That of the input.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        coins = keras.random.randint((3, ops.shape(images)[0], 1, 1, 1), 0, 2, seed=self.seed_generator)
        transpose, upside_down, mirror = ops.unstack(ops.cast(coins, "bool"), num=3)
        images = ops.where(transpose, ops.transpose(images, (0, 2, 1, 3)), images)
        images = ops.where(upside_down, ops.flip(images, axis=1), images)
        return ops.where(mirror, ops.flip(images, axis=2), images)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
