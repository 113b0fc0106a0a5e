"""Labelled images held in memory, and the one file that carries them."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfdrop.checkpoint import replace

PARTS = ("train", "test", "validation", "extra")


class ImageSet(NamedTuple):
    """Labelled images as they come: none set aside, nothing preprocessed.

    A part is a tuple `(x, y)`: uint8 images of shape `(n, height, width, channels)`, and int32 labels of shape `(n,)`.

    Attributes:
        train: The training part.
        test: The part that is tested on.
        classes: The classes' names; a label is an index into them.
        validation: The validation part, where the set comes with one beside a test part.
        extra: More training images that the set keeps apart, as SVHN does.
    """

    train: tuple
    test: tuple
    classes: tuple
    validation: tuple | None = None
    extra: tuple | None = None

    @property
    def image_shape(self):
        """`(height, width, channels)`."""
        return self.train[0].shape[1:]

    def parts(self):
        """Returns the parts that are there, by name."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}

    def map_images(self, function):
        """Returns the set with a function applied to the images of every part."""
        return self._replace(**{name: (function(x), y) for name, (x, y) in self.parts().items()})


def checked(image_set):
    """Hands back an image set.

    Raises:
        ValueError: If a part is empty, is no uint8 images of one shape, or has labels that are no classes; or if a
            class has no training sample.
    """
    for name, (x, y) in image_set.parts().items():
        if x.dtype != np.uint8 or x.ndim != 4 or 0 in x.shape:
            raise ValueError(
                f"The part '{name}' should hold uint8 images, (samples, height, width, channels). "
                f"Received: {x.dtype}, {x.shape}"
            )
        if x.shape[1:] != image_set.image_shape:
            raise ValueError(f"The images of 'train' and '{name}' differ: {image_set.image_shape}, {x.shape[1:]}")
        if y.shape != x.shape[:1] or y.dtype.kind not in "iu":
            raise ValueError(
                f"The part '{name}' should hold {len(x)} integer labels. Received: {y.dtype} of shape {y.shape}"
            )
        wrong = np.flatnonzero((y < 0) | (y >= len(image_set.classes)))
        if wrong.size:
            raise ValueError(
                f"The labels of the part '{name}' should be in [0, {len(image_set.classes) - 1}]. "
                f"Received: {y[wrong[0]]} for sample {wrong[0]}, and {wrong.size - 1} more"
            )
    counts = np.bincount(image_set.train[1], minlength=len(image_set.classes))
    if not counts.all():
        empty = [image_set.classes[label] for label in np.flatnonzero(counts == 0)]
        raise ValueError(f"No training images of class {', '.join(empty[:5])}{', ...' if len(empty) > 5 else ''}")
    return image_set


def save_image_set(path, image_set):
    """Writes an image set as one `.npz` file, whole or not at all.

    That file is all a machine needs to train on the set: it is read by NumPy alone, without TensorFlow.

    Args:
        path: The file, ending in `.npz`.
        image_set: An `ImageSet`.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"The file of an image set ends in .npz. Received: {path}")
    arrays = {"classes": np.array(image_set.classes, dtype="str")}
    for name, (x, y) in image_set.parts().items():
        arrays |= {f"{name}_images": x, f"{name}_labels": y}
    replace(path, lambda partial: np.savez(partial, **arrays))


def load_image_set_file(path):
    """Reads what `save_image_set` wrote.

    Raises:
        ValueError: If the file is missing, damaged, or holds something else.
    """
    try:
        with open(path, "rb") as raw, np.load(raw) as file:
            arrays = {name: file[name] for name in file.files}
        parts = {
            name: (arrays[f"{name}_images"], arrays[f"{name}_labels"].astype("int32"))
            for name in PARTS
            if f"{name}_images" in arrays
        }
        image_set = ImageSet(classes=tuple(arrays["classes"].tolist()), **parts)
    except FileNotFoundError as error:
        raise ValueError(f"no such file: {path}") from error
    except (OSError, KeyError, TypeError, AttributeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or was not written by `save_image_set`") from error
    return checked(image_set)
