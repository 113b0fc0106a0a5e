"""Which samples are for training, for validation, and in a subset: drawn by seed, class by class."""

from typing import NamedTuple

import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import select, stream

# 45,000 / 5,000 of CIFAR's 50,000; the share of sets that the papers do not use.
VALIDATION_SHARE = 0.1
# SVHN: 4,000 from the training part and 2,000 from the extra one (section IV-A of the data dropout paper).
VALIDATION_WITH_EXTRA = (4000, 2000)
TEST_SHARE = 0.2


class Split(NamedTuple):
    """An image set divided for training.

    Attributes:
        train: Arrays `(x, y)` to train on.
        validation: Arrays `(x, y)` to validate on.
        test: Arrays `(x, y)` to test on.
        samples: For each training sample its index in the set: in the training part, followed by the extra part where
            there is one. Shape `(n,)`.
    """

    train: tuple
    validation: tuple
    test: tuple
    samples: np.ndarray


def split_for_validation(image_set, validation=None, seed=0):
    """Sets aside a part of the training images for validation.

    A set with an extra part gives validation samples from the training part and from the extra one, as many of each
    class, and trains on all that is left of both. Any other gives them from the training part, each class its share;
    one that comes with a validation part keeps that.

    Args:
        image_set: A `tfdrop.data.sets.image_set.ImageSet`.
        validation: Number of validation samples, a pair of numbers for a set with an extra part. By default the
            papers': a tenth (5,000 of CIFAR's 50,000), 4,000 and 2,000 of SVHN.
        seed: Integer seed.

    Returns:
        A `Split`.

    Raises:
        ValueError: If there are too few samples.
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
    held = draw_stratified(y, validation, seed, name="validation")
    kept = _all_but(held, len(y))
    return Split(select((x, y), kept), select((x, y), held), image_set.test, kept)


def _split_with_extra(image_set, validation, seed):
    if len(np.shape(validation)) != 1 or len(validation) != 2:
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


def hold_out_test(data, seed=0):
    """Divides the samples of a set that has no test part: a fifth of each class is one.

    Returns:
        Two tuples `(x, y)`.
    """
    held = draw_stratified(data[1], max(1, round(TEST_SHARE * len(data[1]))), seed)
    return select(data, _all_but(held, len(data[1]))), select(data, held)


def take_subset(data, samples, seed=0):
    """Returns some samples of arrays `(x, y)`, each class its share, in the order of the whole.

    Raises:
        ValueError: If there are not as many.
    """
    return select(data, draw_stratified(data[1], samples, seed))


def draw_stratified(labels, samples, seed=0, name="samples"):
    """Draws samples, from each class in proportion to its size, without replacement.

    Args:
        labels: Integer labels, shape `(n,)`.
        samples: How many, at most n. Where a class's share is no whole number, the largest remainders are rounded up.
        seed: Integer seed, or a tuple of them.
        name: The argument's name, for the error.

    Returns:
        Sorted indices, shape `(samples,)`.
    """
    if check_whole(name, samples) > len(labels):
        raise invalid(name, f"at most {len(labels)}, the number of samples there are", samples)
    exact = np.bincount(labels) * samples / len(labels)
    counts = exact.astype(int)
    largest = np.argsort(counts - exact, kind="stable")
    counts[largest[: samples - counts.sum()]] += 1
    return _draw(labels, counts, seed)


def draw_balanced(labels, samples, classes, seed=0):
    """Draws samples, as many from each class, without replacement; a remainder goes to the first classes.

    Args:
        labels: Integer labels, shape `(n,)`.
        samples: How many.
        classes: Number of classes.
        seed: Integer seed, or a tuple of them.

    Returns:
        Sorted indices, shape `(samples,)`.
    """
    counts = np.full(classes, check_whole("validation", samples) // classes)
    counts[: samples % classes] += 1
    there = np.bincount(labels, minlength=classes)
    if (counts > there).any():
        label = np.argmax(counts > there)
        raise invalid("validation", f"at most {there[label]} samples a class, as many as class {label} has", samples)
    return _draw(labels, counts, seed)


def _draw(labels, counts, seed):
    """Draws `counts[label]` samples of every class: the first ones of a random order."""
    order = stream(seed, 4).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    ends = np.cumsum(np.bincount(labels, minlength=len(counts)))
    starts = np.concatenate([[0], ends[:-1]])
    drawn = [by_class[start : start + count] for start, count in zip(starts, counts, strict=True)]
    return np.sort(np.concatenate(drawn))


def _all_but(indices, samples):
    return np.setdiff1d(np.arange(samples), indices, assume_unique=True)


def _joined(parts):
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
