"""What a classification run writes beside its result: the preprocessing, the influence, and pictures of both ends."""

import numpy as np

from tfdrop import plots
from tfdrop.checkpoint import replace

GALLERY_IMAGES = 48


def write_preprocessing(path, preprocessing):
    """Writes what images have to go through before the saved networks take them, with its class in `kind`."""
    np.savez(path, kind=type(preprocessing).__name__, **preprocessing._asdict())


def write_influence(folder, rounds, data, pixels):
    """Writes `influence.npz`, the gallery of the most unfavorable images (the paper's Fig. 2), and the histogram.

    Args:
        folder: Where to.
        rounds: The `Round`s.
        data: `ClassifyData`.
        pixels: The training images as they came, uint8.
    """
    labels = data.train[1]
    influence = np.full(len(labels), np.nan)
    dropped_after_round = np.zeros(len(labels), int)
    for round in rounds:
        if round.influence is not None:
            influence[round.samples] = round.influence.scores
        dropped_after_round[round.dropped] = round.number
    table = {
        "index": data.samples,  # in the data set's training part
        "label": labels,
        "influence": influence,  # of the last round that still had the image
        "dropped_after_round": dropped_after_round,
        "kept": dropped_after_round == 0,
    }
    replace(folder / "influence.npz", lambda path: np.savez(path, **table))

    first = rounds[0]
    scores = first.influence.scores
    worst = np.argsort(-scores, kind="stable")[:GALLERY_IMAGES]
    captions = [f"{data.classes[labels[at]][:12]}\n{scores[at]:.3g}" for at in worst]
    replace(folder / "unfavorable.png", lambda path: plots.gallery(path, pixels[worst] / 255.0, captions))
    threshold = scores[first.dropped].min() if len(first.dropped) else None
    replace(folder / "influence.png", lambda path: plots.influence_histogram(path, scores, threshold))
