"""Class activation maps (Zhou et al., 2016), and Grad-CAM (Selvaraju et al., 2017) where there is none."""

import importlib
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tfdrop.arguments import check_choice, check_whole, invalid
from tfdrop.cam.classifier_parts import RANK_OF_MAPS, ClassifierParts, classifier_parts

METHODS = ("auto", "cam", "grad_cam")
BACKENDS = ("tensorflow", "jax")


class ActivationMaps(NamedTuple):
    """Where images have the evidence for a class.

    Attributes:
        maps: Array of shape `(n, height, width)` in the images' size, float32.
        classes: The class whose evidence each map shows, shape `(n,)`.
        scores: The scores of all classes before any softmax, shape `(n, classes)`.
        method: `"cam"` or `"grad_cam"`.
    """

    maps: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    method: str


def activation_maps(
    model: keras.Model,
    images: np.ndarray,
    classes: ArrayLike | None = None,
    *,
    method: str = "auto",
    batch_size: int = 64,
) -> ActivationMaps:
    """Returns for each image the map of the evidence that a classifier sees for a class.

    A class activation map is the sum of the last feature maps, each times the weight that the last dense layer gives it
    for the class; its mean, plus the bias, is the score, so where it is negative it speaks against the class. Grad-CAM
    takes in place of the weight the mean derivative of the score, and keeps what is positive.

    Args:
        model: A functional or sequential classifier, in either data format and of any input size.
        images: Array of shape `(n, height, width, channels)` or, if that is the model's format,
            `(n, channels, height, width)`, preprocessed as the model takes them.
        classes: A class for each image, shape `(n,)`, or one for all; by default the one with the highest score.
        method: `"cam"`, for models that end in global average pooling and a dense layer; `"grad_cam"`, for all; or
            `"auto"`, the first that fits.
        batch_size: Images at a time.

    Raises:
        ValueError: If an argument is invalid, or the model has no class activation maps.
        ImportError: If Grad-CAM is asked for on a backend other than TensorFlow and JAX.

    >>> from keras import layers
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    >>> model.add(layers.Dense(2))
    >>> found = activation_maps(model, np.ones((5, 8, 8, 3), "float32"), classes=1)
    >>> found.maps.shape, found.method
    ((5, 8, 8), 'cam')
    """
    check_choice("method", method, METHODS)
    check_whole("batch_size", batch_size)
    parts = classifier_parts(model)
    images = np.asarray(images, "float32")
    if images.ndim != RANK_OF_MAPS:
        raise invalid("images", "an array of four dimensions", received=f"shape {images.shape}")
    if method == "cam" and not parts.averages:
        raise invalid(
            "method", "grad_cam for a model that does not end in global average pooling and a dense layer", method
        )
    chosen = ("cam" if parts.averages else "grad_cam") if method == "auto" else method
    compute = _class_maps if chosen == "cam" else _gradient_maps
    wanted = _wanted_classes(classes, len(images), model.outputs[0].shape[1])
    size = images.shape[2:] if parts.channels_axis == 1 else images.shape[1:3]
    maps, shown, scores = [np.empty((0, *size), "float32")], [], [np.empty((0, model.outputs[0].shape[1]), "float32")]
    for first in range(0, len(images), batch_size):
        features = parts.features(images[first : first + batch_size])
        scores.append(ops.convert_to_numpy(parts.scores(features)))
        shown.append(scores[-1].argmax(axis=1) if wanted is None else wanted[first : first + batch_size])
        coarse = compute(parts, features, shown[-1])
        maps.append(_resized(coarse, size))
    return ActivationMaps(
        np.concatenate(maps), np.concatenate([np.empty(0, int), *shown]), np.concatenate(scores), chosen
    )


def _wanted_classes(classes, samples, count):
    """Returns the class of each image, or `None` where that is to be the one with the highest score."""
    if classes is None:
        return None
    found = np.asarray(classes)
    if (
        found.shape not in ((), (samples,))
        or found.dtype.kind not in "iu"
        or not ((found >= 0) & (found < count)).all()
    ):
        raise invalid("classes", f"integers from 0 to {count - 1}, one or {samples}", classes)
    return np.broadcast_to(found, (samples,))


def _class_maps(parts: ClassifierParts, features: Any, classes: np.ndarray) -> np.ndarray:
    """Returns the class activation maps in the size of the feature maps."""
    assert parts.dense is not None
    kernel = ops.convert_to_numpy(parts.dense.kernel).astype("float32")
    return np.einsum("nhwc,cn->nhw", _channels_last(parts, features), kernel[:, classes])


def _gradient_maps(parts: ClassifierParts, features: Any, classes: np.ndarray) -> np.ndarray:
    """Returns the maps of Grad-CAM in the size of the feature maps."""
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise ImportError(f"Grad-CAM needs Keras on TensorFlow or JAX. Received: KERAS_BACKEND={backend}")
    gradients = importlib.import_module(f"tfdrop.cam.score_gradients_{backend}")
    found = _channels_last(parts, gradients.score_gradients(parts.scores, features, classes))
    weights = found.mean(axis=(1, 2))
    return np.maximum(np.einsum("nhwc,nc->nhw", _channels_last(parts, features), weights), 0)


def _channels_last(parts, features):
    array = ops.convert_to_numpy(features)
    return np.moveaxis(array, 1, -1) if parts.channels_axis == 1 else array


def _resized(maps, size):
    """Returns maps in another size, interpolated in straight lines between the centres of pixels."""
    from skimage.transform import resize

    found = resize(maps, (len(maps), *size), order=1, mode="edge", anti_aliasing=False, preserve_range=True)
    return found.astype("float32")
