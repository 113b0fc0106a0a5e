"""The papers' augmentations by name: lists of layers to put in front of a network."""

import difflib

from tfdrop.arguments import invalid
from tfdrop.data.augmentation.flip import RandomHorizontalFlip
from tfdrop.data.augmentation.lighting import RandomLighting
from tfdrop.data.augmentation.shift import RandomShift

# "crop" is CIFAR's standard one, "translation" All-CNN's; "lighting" is what ImageNet has besides its random resized
# crops (`tfdrop.data.sets.streams`). All are for images that are preprocessed already.
POLICIES = {
    "none": [],
    "flip": [RandomHorizontalFlip],
    "crop": [lambda seed: RandomShift(4, seed=seed), RandomHorizontalFlip],
    "translation": [lambda seed: RandomShift(5, seed=seed), RandomHorizontalFlip],
    "lighting": [RandomHorizontalFlip, RandomLighting],
}


def augmentation(name, seed=None):
    """Returns the layers of an augmentation, in order.

    Args:
        name: One of `POLICIES`.
        seed: Optional integer seed; the layers get it and those that follow.

    Raises:
        ValueError: If there is no such augmentation; the message has the nearest name.
    """
    if name not in POLICIES:
        near = difflib.get_close_matches(str(name), POLICIES, n=1)
        hint = f" (the nearest is {near[0]!r})" if near else ""
        raise invalid("name", f"one of {', '.join(map(repr, POLICIES))}{hint}", name)
    return [make(seed=None if seed is None else seed + number) for number, make in enumerate(POLICIES[name])]
