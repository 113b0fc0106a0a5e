"""What a classification run writes beside its result: the preprocessing, and the images' influences."""

import numpy as np

from tfdrop.tasks.influence_files import write_influence


def write_preprocessing(path, preprocessing, data):
    """Writes what the networks of a run expect of images; `classifier.keras` has it in itself.

    Args:
        path: The file.
        preprocessing: What images have to go through before the networks take them; its class's name is in `kind`.
        data: `ClassifyData`, as it was read.
    """
    about = {"kind": type(preprocessing).__name__, "classes": data.classes, "image_shape": data.train[0].shape[1:]}
    np.savez(path, **about, **preprocessing._asdict())


def write_image_influence(folder, rounds, data, probabilities, rank_by):
    """Writes the influence of every training image; see `tfdrop.tasks.influence_files.write_influence`.

    Args:
        folder: Where to.
        rounds: The `ScoredRound`s.
        data: `ClassifyData`, as it was read.
        probabilities: Each image's probabilities of the classes by the first scored round's network.
        rank_by: What the scores are, one of `tfdrop.tasks.ranking.RANKINGS`.
    """
    pixels, labels = data.train
    columns = {"index": data.samples, "label": labels}  # the index is that in the data set's training part
    names = [data.classes[label] for label in labels]
    predicted = probabilities.argmax(axis=1)
    texts = {} if data.files is None else {"file": data.files}
    texts |= {"label": names, "predicted": [data.classes[label] for label in predicted]}
    texts |= {"probability": probabilities[np.arange(len(predicted)), predicted]}
    captions = [f"{name}\ntaken for {taken}" for name, taken in zip(names, texts["predicted"], strict=True)]

    def shown(chosen):
        return np.asarray(pixels[chosen]) / 255.0

    write_influence(folder, columns, texts, rounds, shown, captions, rank_by)
