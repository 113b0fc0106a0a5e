"""Labelled images in folders: one folder for each class, or Tiny ImageNet as it is downloaded."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.data.images.colour import read_colour_image, resize
from tfdrop.data.images.files import EXTENSIONS, image_paths, read_files
from tfdrop.data.sets.held_out import with_held_out_test
from tfdrop.data.sets.image_set import ImageSet, checked

LAYOUT = "train/CLASS/*.png and test/CLASS/*.png (or val/CLASS/*.png), or CLASS/*.png"


class ClassFolders(NamedTuple):
    """The image files of a labelled set.

    Attributes:
        parts: Dictionary from a part's name (train, test, validation) to `(paths, labels)`.
        classes: The classes' names: those of the folders, in alphabetical order.
    """

    parts: dict[str, tuple[list[Path], np.ndarray]]
    classes: tuple[str, ...]


def is_class_folders(folder: str | Path) -> bool:
    """Tells whether a folder holds a labelled set: a folder `train`, or at least two folders with images."""
    folder = Path(folder)
    return (folder / "train").is_dir() or _is_flat(folder)


def list_class_folders(folder: str | Path) -> ClassFolders:
    """Finds the image files of a labelled set, and their labels.

    There is one folder for each class, either in a folder `train` or right in the set's folder. Beside `train` there
    is `test`, or `val` (`validation`), or both, with the same classes or some of them. A `val` without a `test` is
    what is tested on; without either, and without `train`, there is no test part. Images may be in sub-folders of a
    class. In Tiny ImageNet's own layout `val` holds the images and a list of them; its `test`, which has no labels, is
    skipped.

    Raises:
        ValueError: If there is no such folder, it has another layout, or a class has no images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder}")
    if not is_class_folders(folder):
        raise ValueError(f"{folder} is no folder of classes. Expected {LAYOUT}")
    root = folder / "train" if (folder / "train").is_dir() else folder
    classes = tuple(path.name for path in _folders(root))
    train = _list_part(root, classes)
    if train is None:
        raise ValueError(f"{root} has no folders, one for each class. Expected {LAYOUT}")
    parts = {"train": train}
    if root == folder:
        return ClassFolders(parts, classes)
    for part, names in {"test": ("test",), "validation": ("val", "validation")}.items():
        for name in names:
            if (listed := _list_part(folder / name, classes)) is not None:
                parts[part] = listed
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
    return ClassFolders(parts, classes)


def read_class_folders(folder: str | Path, size: int | None = None, skip_unreadable: bool = False) -> ImageSet:
    """Reads a labelled set from folders into memory; see `list_class_folders` for their layout.

    Without a test part, a fifth of each class becomes one, which `ImageSet.notes` says.

    Args:
        folder: The set's folder.
        size: If given, images are resized to squares of this size; otherwise they must have one size.
        skip_unreadable: Whether to go on without images that cannot be read; `ImageSet.unreadable` lists them.

    Returns:
        An `ImageSet`, in colour, with the images' file names.

    Raises:
        ValueError: If files cannot be read, or images differ in size; the message names them.

    >>> import tempfile, pathlib, PIL.Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("ant/0.png", "ant/1.png", "bee/0.png", "bee/1.png"):
    ...         (pathlib.Path(folder) / name).parent.mkdir(exist_ok=True)
    ...         PIL.Image.new("RGB", (8, 5)).save(f"{folder}/{name}")
    ...     image_set = read_class_folders(folder)
    >>> image_set.classes, len(image_set.train[1]), len(image_set.test[1])
    (('ant', 'bee'), 3, 1)
    """
    # TensorFlow Datasets' `ImageFolder` has no place for Tiny ImageNet's own layout, cannot say which file is broken,
    # and needs TensorFlow.
    folder = Path(folder)
    listed = list_class_folders(folder)
    place_of = {
        path: (part, label)
        for part, (paths, labels) in listed.parts.items()
        for path, label in zip(paths, labels, strict=True)
    }

    def read(path: Path) -> np.ndarray:
        pixels = read_colour_image(path)
        return pixels if size is None else resize(pixels, size)

    reading = read_files(list(place_of), folder, read, skip_unreadable)
    found: dict[str, list[tuple[Path, np.ndarray]]] = {part: [] for part in listed.parts}
    for path, image in zip(reading.paths, reading.images, strict=True):
        found[place_of[path][0]].append((path, image))
    parts: dict[str, Any] = {}
    names = {}
    for part, images in found.items():
        if not images:
            raise ValueError(f"None of the images of the part '{part}' can be read")
        labels = np.array([place_of[path][1] for path, _ in images], dtype="int32")
        parts[part] = (_stacked(images, folder), labels)
        names[part] = np.array([path.relative_to(folder).as_posix() for path, _ in images])
    if "test" in parts:
        return checked(ImageSet(classes=listed.classes, names=names, unreadable=reading.unreadable, **parts))
    return checked(with_held_out_test(parts["train"], names["train"], listed.classes, unreadable=reading.unreadable))


def _is_flat(folder: Path) -> bool:
    """Tells whether two sub-folders or more hold images, in themselves or in a folder `images`."""
    try:
        holding = (path for path in _folders(folder) if _has_images(path) or _has_images(path / "images"))
        return len(list(itertools.islice(holding, 2))) == 2
    except OSError:  # no folder, or one that may not be opened
        return False


def _has_images(folder: Path) -> bool:
    found = folder.iterdir() if folder.is_dir() else ()
    return any(path.suffix.lower() in EXTENSIONS and path.name[0] != "." for path in found)


def _list_part(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray] | None:
    """Returns `(paths, labels)` of a part, or `None` where there is none, or none with labels."""
    annotations = folder / "val_annotations.txt"
    if annotations.is_file():
        return _list_annotated(annotations, classes)
    found = _folders(folder) if folder.is_dir() else []
    if not any(path.name in classes for path in found):
        return None
    paths: list[Path] = []
    labels: list[int] = []
    for path in found:
        if path.name not in classes:
            raise ValueError(f"{path} is a class that {folder.parent / 'train'} has not")
        images = image_paths(path)
        if not images:
            raise ValueError(f"{path} has no images")
        paths += images
        labels += [classes.index(path.name)] * len(images)
    return paths, np.array(labels, dtype="int32")


def _list_annotated(annotations: Path, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray]:
    """Reads Tiny ImageNet's list: the file's name, its class, and a bounding box, separated by tabs."""
    paths: list[Path] = []
    labels: list[int] = []
    for number, line in enumerate(annotations.read_text().splitlines(), start=1):
        name, label = [*line.split("\t"), ""][:2]
        if label not in classes:
            raise ValueError(f"{annotations}, line {number}: {label!r} is no class that train has")
        paths.append(annotations.parent / "images" / name)
        labels.append(classes.index(label))
    return paths, np.array(labels, dtype="int32")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _stacked(images: list[tuple[Path, np.ndarray]], folder: Path) -> np.ndarray:
    first_path, first = images[0]
    for path, pixels in images:
        if pixels.shape != first.shape:
            name, other = (str(each.relative_to(folder)) for each in (path, first_path))
            raise sizes_differ(name, other, pixels.shape, first.shape)
    return np.stack([pixels for _, pixels in images])


def sizes_differ(name: str, other: str, shape: tuple[int, ...], other_shape: tuple[int, ...]) -> ValueError:
    """Returns the error for two images of different sizes where nothing says what to resize them to."""
    one, two = (f"{height}x{width}" for height, width, *_ in (shape, other_shape))
    return ValueError(f"{name} is {one}, {other} is {two}: give a size to resize them to")
