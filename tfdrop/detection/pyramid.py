"""The maps of a trained classifier at several resolutions: what RetinaNet's feature pyramid is built on."""

import math
import re
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.classifier import Classifier

OTHER = 10**6
FINEST = 3  # RetinaNet's pyramid begins at maps of an eighth of the image's side


@keras.saving.register_keras_serializable("tfdrop")
class ImageEncoder(keras.Model):
    """A functional model of maps at several resolutions, as keras-hub asks for it, also once it is loaded again."""

    @property
    def pyramid_outputs(self) -> dict[str, Any]:
        """The maps by their levels: "P3" has an eighth of the image's side."""
        return self.output


def image_encoder(classifier: Classifier, side: int, frozen_groups: int = 2) -> ImageEncoder:
    """Returns a copy of a classifier's network for larger images, as keras-hub's `RetinaNetBackbone` takes it.

    The copy has the trained weights and what images go through before them. Batch normalization keeps its statistics
    and its scales, as in RetinaNet's original code: a batch has too few images for new ones.

    Args:
        classifier: A trained `tfdrop.classifier.Classifier` of colour images, whose network is one of `tfdrop.models`.
        side: Side of the square images that it will take, a multiple of the network's stride.
        frozen_groups: How many groups of layers at the beginning, the stem being the first, keep their weights.

    Returns:
        A functional model from images with pixels from 0 to 255 to a dictionary of maps.

    Raises:
        ValueError: If the classifier takes grey images or is not of such a network, or `side` does not fit.
    """
    check_whole("side", side)
    check_whole("frozen_groups", frozen_groups, 0)
    rescaling, network = _parts(classifier)
    copy = keras.models.clone_model(network, input_tensors=keras.Input((side, side, 3)))
    copy.set_weights(network.get_weights())
    for layer in copy.layers:
        if isinstance(layer, keras.layers.BatchNormalization) or _group(layer) < frozen_groups:
            layer.trainable = False
    maps = keras.Model(copy.input, _pyramid(copy, side), name=network.name)
    images = keras.Input((side, side, 3), name="images")
    return ImageEncoder(images, maps(rescaling(images)), name="image_encoder")


def _parts(classifier):
    """Returns the layer that standardizes images of any size, and the network."""
    if classifier.image_shape[-1] != 3:
        raise invalid("classifier", "one of colour images", received=f"images of shape {classifier.image_shape}")
    networks = [layer for layer in classifier.model.layers if isinstance(layer, keras.Model)]
    layers = [layer for layer in classifier.model.layers if isinstance(layer, keras.layers.Normalization)]
    if len(networks) != 1 or "pool" not in {layer.name for layer in networks[0].layers}:
        expected = "one whose network is of tfdrop.models and ends with a layer `pool`, as all but All-CNN-C do"
        raise invalid("classifier", expected, received=", ".join(layer.name for layer in networks) or "another model")
    if len(layers) != 1:
        raise invalid("classifier", "one of images that are not whitened, which is for one size", received="whitening")
    # A mean image is that of one size, too: its mean colour remains.
    mean, variance = (np.asarray(each, "float64").reshape(-1, 3).mean(axis=0) for each in _statistics(layers[0]))
    scale = 1 / np.sqrt(variance)
    return keras.layers.Rescaling(scale.tolist(), (-mean * scale).tolist(), name="standardization"), networks[0]


def _statistics(layer):
    return layer.mean, layer.variance


def _pyramid(network, side):
    """Returns the maps that groups of layers end with by their levels, the last of each level."""
    ends: dict[int, Any] = {}
    for layer in network.layers:
        group = _group(layer)
        if 1 < group < OTHER and group - 1 not in ends:
            ends[group - 1] = layer.input  # what a group begins with is what the one before ends with
    outputs = [ends[group] for group in sorted(ends)] + [network.get_layer("pool").input]
    levels = {}
    for output in outputs:
        stride = side / output.shape[1]
        if not math.log2(stride).is_integer():
            raise invalid("side", "a multiple of the network's stride", side)
        levels[int(math.log2(stride))] = output
    finest = min(FINEST, max(levels))
    return {f"P{level}": levels[level] for level in sorted(levels) if level >= finest}


def _group(layer):
    """Returns the number of the group that a layer is of: 0 for the stem, `OTHER` for what is in none."""
    found = re.match(r"group(\d+)_", layer.name)
    return int(found[1]) if found else 0 if layer.name.startswith("stem_") else OTHER
