"""Image sets by name, wherever they come from."""

from pathlib import Path

import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.images.colour import read_colour_image, resize
from tfdrop.data.sets.class_folders import is_class_folders, list_class_folders, read_class_folders
from tfdrop.data.sets.digits import load_digits
from tfdrop.data.sets.image_set import ImageSet, load_image_set_file
from tfdrop.data.sets.prepared import load_prepared, open_prepared
from tfdrop.data.sets.streamed_sets import can_be_streamed, stream_class_folders, stream_prepared

DIGITS = "digits"
MOST_IN_MEMORY = 2 * 2**30


def load_image_set(
    name: str,
    data_dir: str | Path | None = None,
    size: int | None = None,
    download: bool = False,
    skip_unreadable: bool = False,
    in_memory: bool | None = True,
) -> ImageSet:
    """Loads a labelled image set.

    A name refers, in this order, to

    - an `.npz` file that `save_image_set` wrote, or a folder of class folders, `train/CLASS/*.png` or `CLASS/*.png`
      (see `tfdrop.data.sets.class_folders`): a path, or a name within `data_dir`, where a file's `.npz` can be omitted;
    - scikit-learn's digits, which need no file: `"digits"`;
    - a data set of TensorFlow Datasets: `cifar10`, `cifar100`, `svhn_cropped`, `mnist`, ...

    A machine without TensorFlow thus loads `cifar10` where `data_dir` has a `cifar10.npz`.

    Args:
        name: The name.
        data_dir: A folder to look in; by default that of TensorFlow Datasets for its data sets.
        size: If given, images are resized to squares of this size.
        download: Whether TensorFlow Datasets may download and prepare what is not there.
        skip_unreadable: Whether to go on without files of class folders that cannot be read; they are listed in
            `ImageSet.unreadable`.
        in_memory: Whether the images are arrays; if false they are `StreamedImages`, read whenever they are asked for,
            the same numbers. `None` streams what would take more than 2 GiB.

    Returns:
        An `ImageSet`. Its `notes` say what its user should know, such as that a test part was held out.

    Raises:
        ValueError: If there is no such set, or it is not one of labelled images of one size.

    >>> image_set = load_image_set("digits")
    >>> image_set.image_shape, len(image_set.classes)
    ((8, 8, 1), 10)
    """
    if not isinstance(name, str) or not name:
        raise invalid("name", "the name of a data set", name)
    if size is not None:
        check_whole("size", size)
    data_dir = None if data_dir is None else Path(data_dir).expanduser()
    if (file := find_file(name, data_dir)) is not None:
        _check_in_memory(in_memory, name)
        return _resized(load_image_set_file(file), size)
    folder = find_folder(name, data_dir)
    if folder is None and name == DIGITS:
        _check_in_memory(in_memory, name)
        return _resized(load_digits(), size)
    if in_memory is None:
        in_memory = _bytes(name, folder, data_dir, size, download) <= MOST_IN_MEMORY
    if folder is not None:
        read_folder = read_class_folders if in_memory else stream_class_folders
        return read_folder(folder, size, skip_unreadable)
    if in_memory:
        return load_prepared(name, data_dir, size, download)
    return stream_prepared(name, data_dir, size, download, skip_unreadable)


def _check_in_memory(in_memory: bool | None, name: str) -> None:
    if in_memory is False:
        raise ValueError(f"{name} is in memory in any case: only class folders and prepared sets can be streamed")


def _bytes(name: str, folder: Path | None, data_dir: Path | None, size: int | None, download: bool) -> int:
    """Returns how many bytes a set's images take in memory; 0 where they have to be there in any case."""
    if folder is not None:
        parts = list_class_folders(folder).parts.values()
        paths = [path for paths, _ in parts for path in paths]
        return len(paths) * (3 * size**2 if size else _bytes_of_first(paths))
    opened = open_prepared(name, data_dir, download)
    if not can_be_streamed(opened):
        return 0
    shape = opened.builder.info.features[opened.image].shape
    pixels = size**2 if size else np.prod([side or 1 for side in shape[:2]])
    counts = (opened.builder.info.splits[split].num_examples for split in opened.splits.values())
    return int(sum(counts) * pixels * (shape[2] or 3))


def _bytes_of_first(paths: list[Path]) -> int:
    for path in paths:
        try:
            return read_colour_image(path).nbytes
        except ValueError:  # who reads them all names them all
            continue
    return 0


def find_file(name: str, data_dir: Path | None = None) -> Path | None:
    """Returns the path of the `.npz` file of a name, or `None`.

    Raises:
        ValueError: If a name that ends in `.npz` is neither a file nor one in `data_dir`.
    """
    whole = name.endswith(".npz")
    places = _places(name, data_dir) if whole else _places(f"{name}.npz", data_dir)[1:]
    found = next((path for path in places if path.is_file()), None)
    if whole and found is None:
        raise ValueError(f"no such file: {' or '.join(map(str, places))}")
    return found


def find_folder(name: str, data_dir: Path | None = None) -> Path | None:
    """Returns the path of the class folders of a name, or `None`; what is clearly a path counts in any case."""
    found = next((path for path in _places(name, data_dir) if is_class_folders(path)), None)
    if found is None and name.startswith(("/", "./", "../", "~")):
        return Path(name).expanduser()
    return found


def _places(name: str, data_dir: Path | None) -> list[Path]:
    path = Path(name).expanduser()
    return [path] if data_dir is None else [path, data_dir / name]


def _resized(image_set: ImageSet, size: int | None) -> ImageSet:
    if size is None or image_set.image_shape[:2] == (size, size):
        return image_set
    return image_set.map_images(lambda images: np.stack([resize(image, size) for image in images]))
