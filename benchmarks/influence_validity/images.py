"""The labelled images that all parts use."""

from dataclasses import dataclass

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


def load_images(name: str, data_dir: str | None, validation_samples: int) -> Images:
    """Loads a data set.

    Raises:
        UserError: If it is not there.
    """
    from tfdrop.data.sets.named import load_image_set

    with blaming("data_dir", data_dir):
        found = load_image_set(name, data_dir)
    rng = np.random.default_rng(0)
    train, test = (_shuffled(part, rng) for part in (found.train, found.test))
    (x, others_x), (y, others_y) = (np.split(each, [validation_samples]) for each in test)
    return Images(name, len(found.classes), train, (x, y), (others_x, others_y))


def _shuffled(part: Samples, rng: np.random.Generator) -> Samples:
    images, classes = part
    order = rng.permutation(len(images))[:MOST_SAMPLES]
    return (images[order] / 255).astype("float32"), classes[order]
