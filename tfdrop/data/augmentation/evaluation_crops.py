"""Crops for evaluation: the centre, or the ten of AlexNet."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole


def centre_crop(images: Any, size: int) -> Any:
    """Returns the centres of images `(batch, height, width, channels)` as `(batch, size, size, channels)`.

    Raises:
        ValueError: If the images are smaller.

    >>> import numpy as np
    >>> centre_crop(np.arange(16).reshape(1, 4, 4, 1), 2)[0, :, :, 0].tolist()
    [[5, 6], [9, 10]]
    """
    height, width = _check_size(images, size)
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, top : top + size, left : left + size]


def ten_crops(images: Any, size: int) -> Any:
    """Returns ten crops of each image: the four corners and the centre, and their mirror images.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`.
        size: Height and width of the crops.

    Returns:
        Tensor of shape `(batch, 10, size, size, channels)`.

    Raises:
        ValueError: If the images are smaller.

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1.

    >>> import numpy as np
    >>> tuple(ten_crops(np.ones((2, 5, 6, 3)), 4).shape)
    (2, 10, 4, 4, 3)
    """
    height, width = _check_size(images, size)
    corners = [(top, left) for top in (0, height - size) for left in (0, width - size)]
    crops = [images[:, top : top + size, left : left + size] for top, left in corners]
    crops = ops.stack([*crops, centre_crop(images, size)], axis=1)
    return ops.concatenate([crops, ops.flip(crops, axis=3)], axis=1)


def ten_crop_model(model: keras.Model, image_size: int) -> keras.Model:
    """Returns a model of larger images that averages a model's outputs over their ten crops.

    AlexNet averages probabilities, so add a softmax to a model that returns logits first.

    Args:
        model: A Keras model of square images.
        image_size: Height and width of the larger images, 256 for a model of 224.

    >>> model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D()])
    >>> ten_crop_model(model, 6).input_shape
    (None, 6, 6, 3)
    """
    size, _, channels = model.input_shape[1:]
    images = keras.Input((image_size, image_size, channels))
    crops = ops.reshape(ten_crops(images, size), (-1, size, size, channels))
    outputs = model(crops, training=False)
    outputs = ops.reshape(outputs, (-1, 10, *outputs.shape[1:]))
    return keras.Model(images, ops.mean(outputs, axis=1))


def _check_size(images: Any, size: int) -> tuple[int, int]:
    height, width = images.shape[1:3]
    check_whole("size", size)
    if min(height, width) < size:
        raise ValueError(f"Cannot cut {size}x{size} crops from images of {height}x{width}")
    return height, width
