"""Labelled images prepared by TensorFlow Datasets. TensorFlow is imported only when one is read."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.arguments import nearest
from tfdrop.data.sets.held_out import with_held_out_test
from tfdrop.data.sets.image_set import ImageSet, Part, checked

BATCH = 1000


class PreparedSet(NamedTuple):
    """A prepared data set, opened but not read.

    Attributes:
        builder: The `tfds.core.DatasetBuilder`.
        image: Name of the feature that holds the image.
        label: Name of the feature that holds the label.
        splits: Dictionary from a part's name (train, test, validation, extra) to that of its split.
    """

    builder: Any
    image: str
    label: str
    splits: dict[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""
        return tuple(self.builder.info.features[self.label].names)

    def dataset(self, part: str) -> Any:
        """Returns the `(image, label)` pairs of a part as a `tf.data.Dataset`, in the order of the files."""
        import tensorflow_datasets as tfds

        in_order = tfds.ReadConfig(interleave_cycle_length=1)
        dataset = self.builder.as_dataset(split=self.splits[part], shuffle_files=False, read_config=in_order)
        return dataset.map(lambda sample: (sample[self.image], sample[self.label]))

    def files(self, part: str) -> list[str]:
        """Returns the paths of a part's files, in order."""
        return [str(path) for path in self.builder.info.splits[self.splits[part]].filepaths]


def open_prepared(name: str, data_dir: str | Path | None = None, download: bool = False) -> PreparedSet:
    """Opens a prepared data set of labelled images.

    The network is not touched unless `download` is true: where there is none, every attempt takes minutes to fail.

    Args:
        name: A name of TensorFlow Datasets, with a configuration if it has any: `"cifar10"`, `"mnist_corrupted/fog"`.
        data_dir: The folder that holds prepared sets, by default that of TensorFlow Datasets.
        download: Whether to download and prepare what is not there.

    Returns:
        A `PreparedSet`.

    Raises:
        ValueError: If there is no such data set, it is not prepared, or it is not one of labelled images.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ValueError(
            f"Data set {name!r} is read by tensorflow-datasets and TensorFlow, which cannot be imported here. Where "
            "they can, `tfdrop.data.sets.image_set.save_image_set` writes it as one .npz file, which needs neither"
        ) from error
    try:
        builder = tfds.core.read_only_builder.builder_from_files(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        _check_known(name, tfds.list_builders(with_community_datasets=False))
        if not download:
            raise ValueError(_how_to_prepare(name, data_dir)) from None
        builder = _downloaded(tfds, name, data_dir)
    except OSError as error:
        raise ValueError(f"Data set {name!r} in {data_dir} is damaged: {_reason(error)}") from error
    return _opened(builder, name, tfds.features)


def load_prepared(
    name: str, data_dir: str | Path | None = None, size: int | None = None, download: bool = False
) -> ImageSet:
    """Reads a prepared data set into memory; see `open_prepared`.

    Without a test split the validation split is what is tested on; without either, a fifth of each class becomes the
    test part, which `ImageSet.notes` says.

    Args:
        name: A name of TensorFlow Datasets.
        data_dir: The folder that holds prepared sets.
        size: If given, images are resized to squares of this size; otherwise they must have one size.
        download: Whether to download and prepare what is not there.

    Returns:
        An `ImageSet`.

    Raises:
        ValueError: As `open_prepared`, or if the images differ in size.
    """
    opened = open_prepared(name, data_dir, download)
    if size is None and None in opened.builder.info.features[opened.image].shape:
        raise ValueError(f"The images of {name!r} differ in size: give a size to resize them to")
    parts: dict[str, Any] = {part: _read(opened, part, size) for part in opened.splits}
    if "test" in parts:
        return checked(ImageSet(classes=opened.classes, **parts))
    train = parts.pop("train")
    names = np.array([f"train[{number}]" for number in range(len(train[1]))])
    return checked(with_held_out_test(train, names, opened.classes, **parts))


def _opened(builder: Any, name: str, features: Any) -> PreparedSet:
    # CIFAR-100 has coarse labels too; the supervised keys say which are meant.
    supervised = builder.info.supervised_keys or ()
    chosen = []
    for kind in (features.Image, features.ClassLabel):
        keys = [key for key, feature in builder.info.features.items() if isinstance(feature, kind)]
        chosen.append([key for key in keys if key in supervised] or keys)
    if any(len(keys) != 1 for keys in chosen) or "train" not in builder.info.splits:
        raise ValueError(f"Data set {name!r} does not have one image and one label in each sample, and a training part")
    splits = {part: part for part in ("train", "test", "validation", "extra") if part in builder.info.splits}
    if "test" not in splits and "validation" in splits:
        splits["test"] = splits.pop("validation")
    return PreparedSet(builder, chosen[0][0], chosen[1][0], splits)


def _downloaded(tfds: Any, name: str, data_dir: str | Path | None) -> Any:
    builder = tfds.builder(name, data_dir=data_dir)
    try:
        builder.download_and_prepare()
    # Downloaders, and the code of hundreds of data sets, raise what they like.
    except Exception as error:
        raise ValueError(f"Data set {name!r} cannot be downloaded and prepared: {_reason(error)}") from error
    return builder


def _check_known(name: str, known: list[str]) -> None:
    """Raises `ValueError`, with the nearest names, if TensorFlow Datasets has no data set of that name."""
    base = re.split("[:/]", name)[0]
    if base not in known:
        near = nearest(base, [*known, "digits"])
        hint = f"; the nearest are {', '.join(near)}" if near else ""
        raise ValueError(
            f"Unknown data set {name!r}{hint}. Expected a name of TensorFlow Datasets, digits, a folder of class "
            "folders, or an .npz file"
        )


def _how_to_prepare(name: str, data_dir: str | Path | None) -> str:
    where = f"in {data_dir}" if data_dir else "in ~/tensorflow_datasets, and no data_dir is given"
    arguments = repr(name) + (f", data_dir={str(data_dir)!r}" if data_dir else "")
    return (
        f"Data set {name!r} is not prepared {where}. Give as data_dir the folder that holds it, or prepare it where "
        "there is a network: "
        f'python -c "import tensorflow_datasets as tfds; tfds.builder({arguments}).download_and_prepare()"'
    )


def _read(opened: PreparedSet, part: str, size: int | None) -> Part:
    import tensorflow as tf

    dataset = opened.dataset(part)
    if size is not None:
        dataset = dataset.map(lambda image, label: (sized(tf, image, size), label))
    try:
        batches = list(dataset.batch(BATCH).prefetch(2).as_numpy_iterator())
    except tf.errors.OpError as error:
        name = opened.builder.info.full_name
        raise ValueError(f"The part '{part}' of data set {name!r} is damaged: {_reason(error)}") from error
    x, y = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return x, y.astype("int32")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())


def sized(tf: Any, image: Any, size: int) -> Any:
    """Resizes the largest centred square of an image, a tensor."""
    side = tf.reduce_min(tf.shape(image)[:2])
    centre = tf.image.resize_with_crop_or_pad(image, side, side)
    resized = tf.image.resize(centre, (size, size), antialias=True)
    return tf.cast(tf.round(resized), tf.uint8)
