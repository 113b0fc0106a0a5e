"""Fitted preprocessing as Keras layers, to be saved in one model with the network behind it."""

from typing import Any

import keras
import numpy as np

from tfdrop.data.preprocessing.whitening import Whitening

# Of the contrast's variance, for pixels up to 255: nothing to an image that has any, and a flat one stays zero.
EPSILON = 1e-5


def preprocessing_layers(preprocess: Any, image_shape: tuple[int, ...]) -> list[Any]:
    """Returns Keras's own layers that do to images what a `Standardization` or a `Whitening` does.

    Args:
        preprocess: The fitted preprocessing.
        image_shape: `(height, width, channels)`.

    >>> from tfdrop.data.preprocessing import fit_channels
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype("uint8")
    >>> standardize = fit_channels(images)
    >>> [layer] = preprocessing_layers(standardize, (4, 4, 3))
    >>> np.allclose(layer(images), standardize(images), atol=1e-5)
    True
    """
    if isinstance(preprocess, Whitening):
        return _whitening(preprocess, image_shape)
    return [_standardization(preprocess, image_shape)]


def _standardization(standardize, image_shape):
    axes = (-1,) if np.ndim(standardize.mean) < 3 else (1, 2, 3)
    shape = image_shape[-len(axes) :]
    layer = keras.layers.Normalization(axis=axes)
    layer.build((None, *image_shape))
    mean, deviation = (np.broadcast_to(array, shape) for array in standardize)
    layer.set_weights([mean, np.square(deviation), np.ones((), "int32")])
    layer.finalize_state()
    return layer


def _whitening(whiten, image_shape):
    contrast = keras.layers.LayerNormalization(axis=(1, 2, 3), epsilon=EPSILON, center=False, scale=False)
    matrix = keras.layers.Dense(whiten.mean.size)
    matrix.build((None, whiten.mean.size))
    matrix.set_weights([whiten.matrix, -whiten.mean @ whiten.matrix])
    # Layer normalization does not take whole numbers.
    return [keras.layers.Rescaling(1.0), contrast, keras.layers.Flatten(), matrix, keras.layers.Reshape(image_shape)]
