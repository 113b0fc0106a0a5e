"""AlexNet's colour augmentation."""

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import check_number, invalid
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer

# ImageNet's, for pixels from 0 to 255: the deviations and the directions that the ResNet code of Facebook AI Research
# (fb.resnet.torch) has, which most others use too.
IMAGENET_COLOUR_AXES = tuple(
    tuple(deviation * part for part in direction)
    for deviation, direction in (
        (55.46, (-0.5675, -0.5808, -0.5836)),
        (4.794, (0.7192, -0.0045, -0.6948)),
        (1.148, (0.4009, -0.8140, 0.4203)),
    )
)


@keras.saving.register_keras_serializable("tfdrop")
class RandomLighting(SeededLayer):
    """Adds one random colour to all pixels of an image while the network trains: AlexNet's colour augmentation.

    The colour is a sum over the principal axes of the training set's pixels, each by a normal random number. Their
    lengths here are the deviations along them. The paper's words are "proportional to the eigenvalues", which would
    depend on the unit of the pixels and, for pixels from 0 to 255, add more than white; what is used everywhere are
    deviations. At inference the layer is the identity.

    Args:
        axes: The principal axes, one a row, each as long as the deviation along it: 3 rows of 3 numbers, in the unit of
            the images. By default ImageNet's for pixels from 0 to 255, not divided by anything; for others see
            `colour_axes`.
        strength: The normal numbers' deviation, 0.1 in the paper.
        seed: Optional integer seed. The same seed gives the same numbers on every backend, but for rounding.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`: floats, as many channels as an axis has numbers.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, or the channels are others.

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1.
    """

    def __init__(self, axes=IMAGENET_COLOUR_AXES, strength=0.1, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.axes = np.asarray(axes, dtype="float32")
        if self.axes.ndim != 2 or not np.isfinite(self.axes).all():
            raise invalid("axes", "rows of finite numbers, one row an axis", axes)
        self.strength = check_number("strength", strength)
        if self.strength < 0:
            raise invalid("strength", "a number of at least 0", strength)

    def build(self, input_shape):
        if input_shape[-1] != self.axes.shape[1]:
            raise ValueError(f"Expected images of {self.axes.shape[1]} channels. Received: input_shape={input_shape}")

    def call(self, images, training=False):
        if not training:
            return images
        noise = uniform(self.seed_generator.next(), (ops.shape(images)[0], len(self.axes)))
        # The middle of each number's interval, as 0 itself has no finite normal number.
        normal = np.float32(np.sqrt(2)) * ops.erfinv(2.0 * noise - 1.0 + np.float32(2**-24))
        colour = self.strength * ops.matmul(normal, self.axes)
        return images + ops.cast(colour[:, None, None, :], images.dtype)

    def get_config(self):
        return {**super().get_config(), "axes": self.axes.tolist(), "strength": self.strength}


def colour_axes(images):
    """Returns the principal axes of images' pixels, one a row, the longest first, each as long as the deviation.

    Args:
        images: Array of shape `(n, height, width, channels)`, preprocessed as those that the layer will see.
    """
    covariance = np.cov(images.reshape(-1, images.shape[-1]).T.astype("float64"), bias=True)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    deviations = np.sqrt(np.maximum(values, 0.0))
    return (vectors * deviations).T[::-1].astype("float32")
