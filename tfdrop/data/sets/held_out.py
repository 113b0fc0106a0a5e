"""Image sets that come without a test part."""

from typing import Any

import numpy as np

from tfdrop.data.sets.image_set import ImageSet, Part
from tfdrop.data.sets.splits import hold_out_test


def with_held_out_test(train: Part, names: np.ndarray, classes: tuple[str, ...], **rest: Any) -> ImageSet:
    """Returns the `ImageSet` of a set without a test part: a fifth of each class is held out, which a note says.

    Args:
        train: Arrays `(x, y)`: all that there is.
        names: The images' names, shape `(n,)`, by which they are known after the division.
        classes: The classes' names.
        **rest: The `ImageSet`'s other parts and attributes.

    Raises:
        ValueError: If no class has two images.
    """
    (x, y, train_names), (x_test, y_test, test_names) = hold_out_test((*train, names))
    note = (
        f"The set has no test part: {len(y_test):,} of its {len(names):,} images, a fifth of each class and always "
        "the same ones, are held out for testing."
    )
    all_names = {"train": train_names, "test": test_names}
    if "extra" in rest:
        all_names["extra"] = np.array([f"extra[{number}]" for number in range(len(rest["extra"][1]))])
    return ImageSet((x, y), (x_test, y_test), classes, names=all_names, notes=(note,), **rest)
