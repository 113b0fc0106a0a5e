"""Labelled images held in memory, and the one file that carries them."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.checkpoint import replace

PARTS = ("train", "test", "validation", "extra")

Part = tuple[np.ndarray, np.ndarray]


class ImageSet(NamedTuple):
    """Labelled images as they come: nothing is preprocessed.

    A part is a tuple `(x, y)`: uint8 images of shape `(n, height, width, channels)`, and int32 labels of shape `(n,)`.

    Attributes:
        train: The training part.
        test: The part that is tested on.
        classes: The classes' names; a label is an index into them.
        validation: The validation part, where the set comes with one in addition to a test part.
        extra: More training images that the set keeps apart, as SVHN does.
        names: For each part the names of its images, an array of texts of shape `(n,)`: files, relative to the set's
            folder ("train/bee/7.png"), or for a set without files that was divided here, where an image was before
            ("train[17]"). `None` if images are known by their index alone.
        notes: Sentences about how the set was read that its user should see, such as that a test part was held out.
        unreadable: The files that were skipped because they cannot be read, each with the reason.
    """

    train: Part
    test: Part
    classes: tuple[str, ...]
    validation: Part | None = None
    extra: Part | None = None
    names: dict[str, np.ndarray] | None = None
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, ...]:
        """`(height, width, channels)`."""
        return self.train[0].shape[1:]

    @property
    def training_names(self) -> np.ndarray | None:
        """The names of the training part's images, followed by those of the extra part; `None` without names."""
        if self.names is None:
            return None
        return np.concatenate([self.names[part] for part in ("train", "extra") if part in self.names])

    def parts(self) -> dict[str, Part]:
        """Returns the parts that are there, by name."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}

    def map_images(self, function: Callable[[np.ndarray], np.ndarray]) -> "ImageSet":
        """Returns the set with a function applied to the images of every part."""
        parts: dict[str, Any] = {name: (function(x), y) for name, (x, y) in self.parts().items()}
        return self._replace(**parts)


def checked(image_set: ImageSet) -> ImageSet:
    """Returns an image set once it is checked.

    Raises:
        ValueError: If a part is empty, is not uint8 images of one shape, has labels that are not classes, or has
            another number of names than images; or if a class has no training sample.
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
        if image_set.names is not None and np.shape(image_set.names.get(name, ())) != y.shape:
            raise ValueError(f"The part '{name}' should have {len(x)} names, as the set has names")
    counts = np.bincount(image_set.train[1], minlength=len(image_set.classes))
    if not counts.all():
        empty = [image_set.classes[label] for label in np.flatnonzero(counts == 0)]
        raise ValueError(f"No training images of class {', '.join(empty[:5])}{', ...' if len(empty) > 5 else ''}")
    return image_set


def save_image_set(path: str | Path, image_set: ImageSet) -> None:
    """Writes an image set as one `.npz` file, whole or not at all.

    That file is all that a machine needs to train on the set: NumPy alone reads it, without TensorFlow.

    Args:
        path: The file, ending in `.npz`.
        image_set: An `ImageSet`.

    >>> import tempfile
    >>> from tfdrop.data import load_image_set
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image_set(f"{folder}/digits.npz", load_image_set("digits"))
    ...     load_image_set("digits", data_dir=folder).image_shape
    (8, 8, 1)
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"The file of an image set ends in .npz. Received: {path}")
    arrays: dict[str, Any] = {"classes": np.array(image_set.classes, dtype="str")}
    for name, (x, y) in image_set.parts().items():
        arrays |= {f"{name}_images": x, f"{name}_labels": y}
        if image_set.names is not None:
            arrays[f"{name}_names"] = np.array(image_set.names[name], dtype="str")
    for name in ("notes", "unreadable"):
        if getattr(image_set, name):
            arrays[name] = np.array(getattr(image_set, name), dtype="str")
    replace(path, lambda partial: np.savez(partial, **arrays))


def load_image_set_file(path: str | Path) -> ImageSet:
    """Reads what `save_image_set` wrote.

    Raises:
        ValueError: If the file is missing, damaged, or holds something else.
    """
    try:
        with open(path, "rb") as raw, np.load(raw) as file:
            arrays = {name: file[name] for name in file.files}
        parts: dict[str, Any] = {
            name: (arrays[f"{name}_images"], arrays[f"{name}_labels"].astype("int32"))
            for name in PARTS
            if f"{name}_images" in arrays
        }
        image_set = ImageSet(
            classes=tuple(arrays["classes"].tolist()),
            names={name: arrays[f"{name}_names"] for name in parts} if "train_names" in arrays else None,
            notes=tuple(arrays.get("notes", np.array([])).tolist()),
            unreadable=tuple(arrays.get("unreadable", np.array([])).tolist()),
            **parts,
        )
    except FileNotFoundError as error:
        raise ValueError(f"no such file: {path}") from error
    except (OSError, KeyError, TypeError, AttributeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or was not written by `save_image_set`") from error
    return checked(image_set)
