"""The embedded default: photographs that scikit-image ships, so that nothing has to be downloaded."""

from collections.abc import Iterable

import numpy as np
import skimage.data

from tfdrop.data.images.grey import Image, to_channels

TRAINING = (
    "astronaut",
    "brick",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "stereo_motorcycle",
)
VALIDATION = ("clock", "coins", "rocket")
TEST = ("camera", "chelsea", "coffee")


def photographs(names: Iterable[str], channels: int = 1) -> list[Image]:
    """Returns the named photographs of `skimage.data` as grey images, or in colour where `channels` is 3.

    >>> [image] = photographs(["camera"])
    >>> image.name, image.pixels.shape
    ('camera', (512, 512))
    """
    return [Image(name, to_channels(channels)(_load(name))) for name in names]


def _load(name: str) -> np.ndarray:
    loaded = getattr(skimage.data, name)()
    return loaded[0] if name == "stereo_motorcycle" else loaded  # the left one of the pair
