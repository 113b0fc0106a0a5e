"""AlexNet's colour augmentation."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tfdrop.arguments import check_number, invalid
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.seeded_layer import SeededLayer

# ImageNet's, for pixels from 0 to 255: the standard deviations and directions of Facebook AI Research's ResNet code
# (fb.resnet.torch), which most others use too.
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

    The colour is a sum of the principal axes of the training set's pixels, each times a normal random number. The
    length of an axis here is the standard deviation along it. The paper says "proportional to the eigenvalues", which
    would depend on the unit of the pixels and, for pixels from 0 to 255, add more than white; everybody uses standard
    deviations. At inference the layer is the identity.

    Args:
        axes: The principal axes, one per row, each as long as the standard deviation along it: 3 rows of 3 numbers, in
            the unit of the images. By default ImageNet's for raw pixels from 0 to 255; for others see `colour_axes`.
        strength: The standard deviation of the normal random numbers, 0.1 in the paper.
        seed: Optional integer seed. The same seed gives the same numbers on every backend, up to rounding.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`: floats, with as many channels as an axis has numbers.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, or the number of channels is another.

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1.

    >>> images = np.full((1, 2, 2, 3), 100.0, "float32")
    >>> colours = np.asarray(RandomLighting(seed=1)(images, training=True)) - images
    >>> bool((colours == colours[:, :1, :1]).all()), bool((colours != 0).all())  # one colour for all pixels
    (True, True)
    """

    def __init__(
        self, axes: ArrayLike = IMAGENET_COLOUR_AXES, strength: float = 0.1, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.axes = np.asarray(axes, dtype="float32")
        if self.axes.ndim != 2 or not np.isfinite(self.axes).all():
            raise invalid("axes", "rows of finite numbers, one row per axis", axes)
        self.strength = check_number("strength", strength)
        if self.strength < 0:
            raise invalid("strength", "a number of at least 0", strength)

    def build(self, input_shape: tuple) -> None:
        if input_shape[-1] != self.axes.shape[1]:
            raise ValueError(f"Expected images of {self.axes.shape[1]} channels. Received: input_shape={input_shape}")

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        noise = uniform(self.seed_generator.next(), (ops.shape(images)[0], len(self.axes)))
        # The middle of each number's interval, because 0 itself would give an infinite normal number.
        normal = np.float32(np.sqrt(2)) * ops.erfinv(2.0 * noise - 1.0 + np.float32(2**-24))
        colour = self.strength * ops.matmul(normal, self.axes)
        return images + ops.cast(colour[:, None, None, :], images.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes.tolist(), "strength": self.strength}


def colour_axes(images: np.ndarray) -> np.ndarray:
    """Returns the principal axes of the pixels, one per row, longest first, each as long as the standard deviation.

    Args:
        images: Array of shape `(n, height, width, channels)`, preprocessed like those that the layer will see.

    >>> grey = np.repeat(np.array([1.0, 3.0]).reshape(1, 1, 2, 1), 3, axis=3)
    >>> np.abs(colour_axes(grey)).round(3).tolist()[0]  # the pixels vary along the grey axis alone
    [1.0, 1.0, 1.0]
    """
    covariance = np.cov(images.reshape(-1, images.shape[-1]).T.astype("float64"), bias=True)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    deviations = np.sqrt(np.maximum(values, 0.0))
    return (vectors * deviations).T[::-1].astype("float32")
