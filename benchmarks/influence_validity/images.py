"""The labelled images that all parts use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdrop.errors import blaming

MOST_SAMPLES = 10000

Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Images:
    """Labelled images, pairs `(x, y)` in a fixed random order; grey levels are from 0 to 1.

    Attributes:
        name: Name of the data set.
        classes: How many classes it has.
        train: The training samples.
        validation: The validation samples, from the data set's test part.
        test: The other samples of the test part.
    """

    name: str
    classes: int
    train: Samples
    validation: Samples
    test: Samples

    def first(self, count: int) -> Samples:
        """Returns the first training samples."""
        x, y = self.train
        return x[:count], y[:count]


def load_images(
    name: str,
    data_dir: str | None,
    validation_samples: int,
    first: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Images:
    """Loads a data set.

    Args:
        name: Its name.
        data_dir: Its folder.
        validation_samples: How many of its test images are for validation.
        first: Function from all training images and their classes to those that come first, Boolean.

    Raises:
        UserError: If it is not there.
    """
    from tfdrop.data.sets.named import load_image_set

    with blaming("data_dir", data_dir):
        found = load_image_set(name, data_dir)
    rng = np.random.default_rng(0)
    train, test = _shuffled(found.train, rng, first), _shuffled(found.test, rng)
    (x, others_x), (y, others_y) = (np.split(each, [validation_samples]) for each in test)
    return Images(name, len(found.classes), train, (x, y), (others_x, others_y))


def _shuffled(part: Samples, rng: np.random.Generator, first: Any = None) -> Samples:
    images, classes = part
    order = rng.permutation(len(images))
    if first is not None:
        order = order[np.argsort(~first(images, classes)[order], kind="stable")]
    order = order[:MOST_SAMPLES]
    return (images[order] / 255).astype("float32"), classes[order]
