"""Labelled images in folders: one folder a class, or Tiny ImageNet as it is downloaded."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfdrop.data.images.colour import read_colour_image, resize
from tfdrop.data.images.grey import image_paths
from tfdrop.data.sets.image_set import ImageSet, checked
from tfdrop.data.sets.splits import hold_out_test

LAYOUT = "train/CLASS/*.png and test/CLASS/*.png (or val/CLASS/*.png)"


class ClassFolders(NamedTuple):
    """The image files of a labelled set.

    Attributes:
        parts: Dictionary from a part's name (train, test, validation) to `(paths, labels)`.
        classes: The classes' names: those of the folders, in alphabetical order.
    """

    parts: dict
    classes: tuple


def is_class_folders(folder):
    """Tells whether a folder holds a labelled set: whether it has a folder `train` in it."""
    return (Path(folder) / "train").is_dir()


def list_class_folders(folder):
    """Finds the image files of a labelled set, and their labels.

    A folder `train` with one folder a class; beside it `test`, or `val` (`validation`), or both, with the same classes
    or some of them. A `val` without a `test` is what is tested on; without either there is no test part. Images may
    lie one folder deeper, in `CLASS/images`. In Tiny ImageNet's own layout `val` holds the images and a list of them;
    its `test`, which has no labels, is passed over.

    Raises:
        ValueError: If there is no such folder, it has another layout, or a class is without images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder}")
    if not is_class_folders(folder):
        raise ValueError(f"{folder} is no folder of classes. Expected {LAYOUT}")
    classes = tuple(path.name for path in _folders(folder / "train"))
    if not classes:
        raise ValueError(f"{folder / 'train'} has no folders, one for each class. Expected {LAYOUT}")
    parts = {"train": _list_part(folder / "train", classes)}
    for part, names in {"test": ("test",), "validation": ("val", "validation")}.items():
        for name in names:
            if (listed := _list_part(folder / name, classes)) is not None:
                parts[part] = listed
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
    return ClassFolders(parts, classes)


def read_class_folders(folder, size=None):
    """Reads a labelled set from folders into memory; see `list_class_folders`.

    The files are read here and not by TensorFlow Datasets, whose `ImageFolder` has no place for Tiny ImageNet's own
    layout, cannot say which file is broken, and needs TensorFlow. Without a test part, a fifth of each class is one.

    Args:
        folder: The folder with `train` in it.
        size: If given, images are resized to squares of this size; otherwise they must have one size.

    Returns:
        An `ImageSet`, in colour.

    Raises:
        ValueError: If a file is broken, or images differ in size; the message names it.
    """
    listed = list_class_folders(folder)
    parts = {name: (_read(paths, folder, size), labels) for name, (paths, labels) in listed.parts.items()}
    if "test" not in parts:
        parts["train"], parts["test"] = hold_out_test(parts["train"])
    return checked(ImageSet(classes=listed.classes, **parts))


def _list_part(folder, classes):
    """Returns `(paths, labels)` of a part, or `None` where there is none, or none with labels."""
    annotations = folder / "val_annotations.txt"
    if annotations.is_file():
        return _list_annotated(annotations, classes)
    found = _folders(folder) if folder.is_dir() else []
    if not any(path.name in classes for path in found):
        return None
    paths, labels = [], []
    for path in found:
        if path.name not in classes:
            raise ValueError(f"{path} is a class that {folder.parent / 'train'} has not")
        images = image_paths(path) or (image_paths(path / "images") if (path / "images").is_dir() else [])
        if not images:
            raise ValueError(f"{path} has no images")
        paths += images
        labels += [classes.index(path.name)] * len(images)
    return paths, np.array(labels, dtype="int32")


def _list_annotated(annotations, classes):
    """Reads Tiny ImageNet's list: the file's name, its class, and a bounding box, separated by tabs."""
    paths, labels = [], []
    for number, line in enumerate(annotations.read_text().splitlines(), start=1):
        name, label, *_ = [*line.split("\t"), ""]
        if label not in classes:
            raise ValueError(f"{annotations}, line {number}: {label!r} is no class that train has")
        paths.append(annotations.parent / "images" / name)
        labels.append(classes.index(label))
    return paths, np.array(labels, dtype="int32")


def _folders(folder):
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _read(paths, folder, size):
    def read(path):
        try:
            pixels = read_colour_image(path)
        except ValueError as error:
            raise ValueError(f"{path.relative_to(folder).parent}: {error}") from error
        return pixels if size is None else resize(pixels, size)

    # Decoding leaves Python's lock alone, so threads help.
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(read, paths))
    for path, pixels in zip(paths, images, strict=True):
        if pixels.shape != images[0].shape:
            raise ValueError(
                f"{path.relative_to(folder)} is {_size(pixels)}, {paths[0].relative_to(folder)} is {_size(images[0])}: "
                "give a size to resize them to"
            )
    return np.stack(images)


def _size(pixels):
    return f"{pixels.shape[0]}x{pixels.shape[1]}"
