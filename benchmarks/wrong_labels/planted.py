"""Wrong labels: planted in training and validation samples alike, as in a set that nobody has cleaned, or known."""

from typing import NamedTuple

import numpy as np

from benchmarks.influence_validity.images import Images, Samples

DUPLICATES = "duplicates"
KINDS = ("symmetric", "pairs", DUPLICATES)


class Planted(NamedTuple):
    """Samples some of whose labels are wrong.

    Attributes:
        train: The training samples.
        wrong: Which of their labels are wrong, Boolean.
        validation: The validation samples, with the same share of wrong labels.
    """

    train: Samples
    wrong: np.ndarray
    validation: Samples


def planted(images: Images, train: Samples, share: float, kind: str, seed: int) -> Planted:
    """Returns samples of which a share has wrong labels, drawn from a seed; or as they are, to find the duplicates."""
    if kind == DUPLICATES:
        return Planted(train, conflicting(*train), images.validation)
    rng = np.random.default_rng(seed)
    parts, marks = [], []
    for x, y in (train, images.validation):
        labels, wrong = mislabelled(y, share, images.classes, kind, rng)
        parts.append((x, labels))
        marks.append(wrong)
    return Planted(parts[0], marks[0], parts[1])


def mislabelled(
    y: np.ndarray, share: float, classes: int, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels of which a share is wrong, and which.

    Args:
        y: The right labels.
        share: The share.
        classes: How many classes there are.
        kind: `"symmetric"`: any other class; `"pairs"`: always the next one.
        rng: What draws.
    """
    wrong = np.zeros(len(y), bool)
    wrong[rng.permutation(len(y))[: round(share * len(y))]] = True
    away = rng.integers(1, classes, len(y)) if kind == "symmetric" else 1
    return np.where(wrong, (y + away) % classes, y), wrong


def conflicting(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns which images occur again with another label, Boolean: one of the labels at least is wrong."""
    labels: dict[bytes, set] = {}
    for image, label in zip(x, y, strict=True):
        labels.setdefault(image.tobytes(), set()).add(int(label))
    return np.array([len(labels[image.tobytes()]) > 1 for image in x])


def found_share(ranking: np.ndarray, wrong: np.ndarray) -> float:
    """Returns the precision: the share of wrong labels in the top of the ranking, as many samples as are wrong."""
    return float(wrong[np.argsort(-ranking, kind="stable")[: wrong.sum()]].mean())
