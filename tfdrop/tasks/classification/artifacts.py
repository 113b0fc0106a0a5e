"""What a classification run writes beside its result: the preprocessing, and the images' influences."""

import numpy as np

from tfdrop.tasks.influence_files import write_influence


def write_preprocessing(path, preprocessing):
    """Writes what images have to go through before the saved networks take them, with its class in `kind`."""
    np.savez(path, kind=type(preprocessing).__name__, **preprocessing._asdict())


def write_image_influence(folder, rounds, data):
    """Writes the influence of every training image; see `tfdrop.tasks.influence_files.write_influence`.

    Args:
        folder: Where to.
        rounds: The `ScoredRound`s.
        data: `ClassifyData`, as it was read.
    """
    pixels, labels = data.train
    columns = {"index": data.samples, "label": labels}  # the index is that in the data set's training part
    names = [data.classes[label] for label in labels]
    write_influence(folder, columns, rounds, lambda chosen: pixels[chosen] / 255.0, names)
