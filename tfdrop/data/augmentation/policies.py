"""The papers' augmentations by name: lists of layers to put in front of a network."""

from collections.abc import Callable

import keras

from tfdrop.arguments import invalid, nearest
from tfdrop.data.augmentation.flip import RandomHorizontalFlip
from tfdrop.data.augmentation.lighting import RandomLighting
from tfdrop.data.augmentation.shift import RandomShift

# "crop" is the standard one of CIFAR, "translation" that of All-CNN; "lighting" is what ImageNet has in addition to its
# crops, which --crop says. All are for images that have already been preprocessed.
POLICIES: dict[str, list[Callable[..., keras.layers.Layer]]] = {
    "none": [],
    "flip": [RandomHorizontalFlip],
    "crop": [lambda seed: RandomShift(4, seed=seed), RandomHorizontalFlip],
    "translation": [lambda seed: RandomShift(5, seed=seed), RandomHorizontalFlip],
    "lighting": [RandomHorizontalFlip, RandomLighting],
}


def augmentation(name: str, seed: int | None = None) -> list[keras.layers.Layer]:
    """Returns the layers of an augmentation, in order.

    Args:
        name: One of `POLICIES`.
        seed: Optional integer seed of the first layer; the layers that follow get the integers that follow.

    Raises:
        ValueError: If there is no such augmentation; the message offers the nearest name.

    >>> [type(layer).__name__ for layer in augmentation("crop", seed=7)]
    ['RandomShift', 'RandomHorizontalFlip']
    """
    if name not in POLICIES:
        near = nearest(name, POLICIES)
        hint = f" (the nearest is {near[0]!r})" if near else ""
        raise invalid("name", f"one of {', '.join(map(repr, POLICIES))}{hint}", name)
    return [make(seed=None if seed is None else seed + number) for number, make in enumerate(POLICIES[name])]
