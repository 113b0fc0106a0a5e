"""Which samples are for training, for validation, and for testing: drawn by seed, class by class."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import select, stream
from tfdrop.data.sets.image_set import ImageSet, Part

# 45,000 / 5,000 of CIFAR's 50,000; the share of sets that the papers do not use.
VALIDATION_SHARE = 0.1
# SVHN: 4,000 from the training part and 2,000 from the extra one (section IV-A of the data dropout paper).
VALIDATION_WITH_EXTRA = (4000, 2000)
TEST_SHARE = 0.2
ORDER_OF_DRAWS = 4  # the number of these draws' random stream

Seed = int | tuple[int, ...]


class Split(NamedTuple):
    """An image set divided for training.

    Attributes:
        train: Arrays `(x, y)` to train on.
        validation: Arrays `(x, y)` to validate on; None where none are set aside.
        test: Arrays `(x, y)` to test on.
        samples: For each training sample its index in the set: in the training part, followed by the extra part where
            there is one. Shape `(n,)`. It is also the index of its name in `ImageSet.training_names`.
    """

    train: Part
    validation: Part | None
    test: Part
    samples: np.ndarray


def split_for_validation(image_set: ImageSet, validation: int | tuple[int, int] | None = None, seed: int = 0) -> Split:
    """Sets aside a part of the training images for validation.

    A set with an extra part gives validation samples from the training part and from the extra one, the same number of
    each class, and trains on all that is left of both. Any other set gives them from the training part, in proportion
    to the classes; a set that comes with a validation part keeps that one. Every class keeps a training sample.

    Args:
        image_set: A `tfdrop.data.ImageSet`.
        validation: Number of validation samples, a pair of numbers for a set with an extra part. The default is the
            papers': a tenth (5,000 of CIFAR's 50,000), 4,000 and 2,000 of SVHN.
        seed: Integer seed.

    Returns:
        A `Split`.

    Raises:
        ValueError: If there are too few samples.

    >>> from tfdrop.data import load_image_set
    >>> split = split_for_validation(load_image_set("digits"), seed=1)
    >>> split.train[0].shape, split.validation[0].shape, split.samples.shape
    ((1294, 8, 8, 1), (144, 8, 8, 1), (1294,))
    """
    if image_set.extra is not None:
        return _split_with_extra(image_set, VALIDATION_WITH_EXTRA if validation is None else validation, seed)
    x, y = image_set.train
    if validation is None and image_set.validation is not None:
        return Split((x, y), image_set.validation, image_set.test, np.arange(len(y)))
    if validation is None:
        validation = max(1, round(VALIDATION_SHARE * len(y)))
    if validation == len(y):
        raise invalid("validation", f"fewer than all {len(y)} training samples", validation)
    held = draw_stratified(y, check_whole("validation", validation), seed, name="validation", leave_one=True)
    kept = _all_but(held, len(y))
    return Split(select((x, y), kept), select((x, y), held), image_set.test, kept)


def _split_with_extra(image_set: ImageSet, validation: int | tuple[int, int], seed: int) -> Split:
    if not isinstance(validation, tuple | list) or len(validation) != 2 or image_set.extra is None:
        raise invalid("validation", "a pair of integers for a set with an extra part", validation)
    parts = (image_set.train, image_set.extra)
    held = [
        draw_balanced(y, count, len(image_set.classes), (seed, number))
        for number, ((_, y), count) in enumerate(zip(parts, validation, strict=True))
    ]
    kept = [_all_but(some, len(y)) for some, (_, y) in zip(held, parts, strict=True)]
    return Split(
        _joined(select(part, indices) for part, indices in zip(parts, kept, strict=True)),
        _joined(select(part, indices) for part, indices in zip(parts, held, strict=True)),
        image_set.test,
        np.concatenate([kept[0], len(image_set.train[1]) + kept[1]]),
    )


def hold_out_test(data: tuple[np.ndarray, ...], seed: int = 0) -> tuple[tuple, tuple]:
    """Divides the samples of a set that has no test part: a fifth of each class becomes one.

    Args:
        data: Arrays of one entry for each sample; the second are the labels.
        seed: Integer seed.

    Returns:
        Two tuples like `data`, the training part and the test part.

    Raises:
        ValueError: If no class has two samples.

    >>> train, test = hold_out_test((np.arange(10), np.arange(10) % 2))
    >>> len(train[0]), test[1].tolist()
    (8, [0, 1])
    """
    labels = data[1]
    most = len(labels) - len(np.unique(labels))
    if most == 0:
        raise ValueError("The set has no test part, and no class has a second image for one")
    held = draw_stratified(labels, min(most, max(1, round(TEST_SHARE * len(labels)))), seed, leave_one=True)
    return select(data, _all_but(held, len(labels))), select(data, held)


def draw_stratified(
    labels: ArrayLike, samples: int, seed: Seed = 0, name: str = "samples", leave_one: bool = False
) -> np.ndarray:
    """Draws samples from each class in proportion to its size, without replacement.

    Args:
        labels: Integer labels, shape `(n,)`.
        samples: How many, at most n. Where a class's share is not a whole number, the largest remainders round up.
        seed: Integer seed, or a tuple of them.
        name: The argument's name, for the error.
        leave_one: Whether to leave at least one sample of every class.

    Returns:
        Sorted indices, shape `(samples,)`.

    >>> drawn = draw_stratified([0, 1, 1, 0, 1, 1], 3, seed=1)
    >>> np.array([0, 1, 1, 0, 1, 1])[drawn].tolist().count(1)
    2
    """
    labels = np.asarray(labels)
    there = np.bincount(labels)
    left = int((there > 0).sum()) if leave_one else 0
    if check_whole(name, samples) > len(labels) - left:
        reason = "so that every class keeps one" if leave_one else "the number of samples there are"
        raise invalid(name, f"at most {len(labels) - left}, {reason}", samples)
    exact = there * samples / len(labels)
    counts = exact.astype(int)
    most = there - leave_one
    for _ in range(samples - counts.sum()):
        counts[np.argmax(np.where(counts < most, exact - counts, -np.inf))] += 1
    return _draw(labels, counts, seed)


def draw_balanced(labels: ArrayLike, samples: int, classes: int, seed: Seed = 0) -> np.ndarray:
    """Draws the same number of samples from each class, without replacement; a remainder goes to the first classes.

    Args:
        labels: Integer labels, shape `(n,)`.
        samples: How many.
        classes: Number of classes.
        seed: Integer seed, or a tuple of them.

    Returns:
        Sorted indices, shape `(samples,)`.

    >>> labels = np.array([0, 1, 1, 0, 1, 1])
    >>> sorted(labels[draw_balanced(labels, 3, classes=2)].tolist())
    [0, 0, 1]
    """
    labels = np.asarray(labels)
    counts = np.full(classes, check_whole("validation", samples) // classes)
    counts[: samples % classes] += 1
    there = np.bincount(labels, minlength=classes)
    if (counts > there).any():
        label = np.argmax(counts > there)
        raise invalid("validation", f"at most {there[label]} samples a class, as many as class {label} has", samples)
    return _draw(labels, counts, seed)


def _draw(labels: np.ndarray, counts: np.ndarray, seed: Seed) -> np.ndarray:
    """Draws `counts[label]` samples of every class: the first ones of a random order."""
    order = stream(seed, ORDER_OF_DRAWS).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    ends = np.cumsum(np.bincount(labels, minlength=len(counts)))
    starts = np.concatenate([[0], ends[:-1]])
    drawn = [by_class[start : start + count] for start, count in zip(starts, counts, strict=True)]
    return np.sort(np.concatenate(drawn))


def _all_but(indices: np.ndarray, samples: int) -> np.ndarray:
    return np.setdiff1d(np.arange(samples), indices, assume_unique=True)


def _joined(parts: Iterable[Part]) -> Part:
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return x, y
