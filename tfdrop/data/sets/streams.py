"""Labelled images too many to hold in memory, as `tf.data` pipelines; TensorFlow is imported when one is opened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import check_whole
from tfdrop.data.images.colour import read_colour_image
from tfdrop.data.sets.class_folders import list_class_folders
from tfdrop.data.sets.named import find_folder
from tfdrop.data.sets.prepared import open_prepared

AREA = (0.08, 1.0)
ASPECT_RATIO = (3 / 4, 4 / 3)


class ImageStream(NamedTuple):
    """A part of a labelled set, always in the same order, so that a sample is known by its number.

    Attributes:
        dataset: `tf.data.Dataset` of `(encoded image, label)`: the bytes of a file, or its path.
        decode: TensorFlow function from an encoded image to a uint8 one of any size, `(height, width, channels)`.
        samples: How many there are.
        classes: The classes' names.
    """

    dataset: Any
    decode: Callable[[Any], Any]
    samples: int
    classes: tuple[str, ...]


def open_image_streams(name: str, data_dir: str | Path | None = None, download: bool = False) -> dict[str, ImageStream]:
    """Opens a labelled set as streams, one for each part.

    Args:
        name: A folder of class folders (see `tfdrop.data.sets.class_folders`), as a path or within `data_dir`; or a
            name of TensorFlow Datasets, such as `imagenet2012`. Of folders without a test part none is held out.
        data_dir: A folder to look in; by default that of TensorFlow Datasets for its data sets.
        download: Whether TensorFlow Datasets may download and prepare what is not there.

    Returns:
        Dictionary from a part's name (`"train"`, `"test"`, `"validation"`, ...) to an `ImageStream`.

    Raises:
        ValueError: If there is no such set.
    """
    data_dir = None if data_dir is None else Path(data_dir).expanduser()
    if (folder := find_folder(name, data_dir)) is not None:
        listed = list_class_folders(folder)
        return {part: _from_files(paths, labels, listed.classes) for part, (paths, labels) in listed.parts.items()}
    opened = open_prepared(name, data_dir, download)
    splits = opened.builder.info.splits
    decode = opened.builder.info.features[opened.image].decode_example
    return {
        part: ImageStream(opened.dataset(part, encoded=True), decode, splits[split].num_examples, opened.classes)
        for part, split in opened.splits.items()
    }


def training_batches(
    stream: ImageStream,
    batch_size: int,
    size: int = 224,
    seed: int = 0,
    epoch: int = 0,
    keep: ArrayLike | None = None,
    shuffle_buffer: int = 10_000,
) -> Any:
    """Returns one epoch of shuffled batches of random resized crops.

    A crop depends only on the seed, the epoch and the sample's number, and so does the order.

    Args:
        stream: An `ImageStream`.
        batch_size: Samples per batch; the last batch has what is left.
        size: Height and width of the crops.
        seed: Integer seed.
        epoch: The epoch's number.
        keep: Which samples to use, booleans of shape `(stream.samples,)`; all by default.
        shuffle_buffer: How many samples, still encoded, are shuffled at a time.

    Returns:
        `tf.data.Dataset` of `(images, labels)`: float32 in [0, 255], `(batch, size, size, channels)`.

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", 2015, section 6.
    """
    import tensorflow as tf

    def random_crop(number, sample):
        encoded, label = sample
        image = stream.decode(encoded)
        key = tf.random.fold_in(tf.constant([seed, epoch], "int32"), tf.cast(number, "int32"))
        begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros((1, 0, 4)),
            seed=key,
            area_range=AREA,
            aspect_ratio_range=ASPECT_RATIO,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        crop = tf.slice(image, begin, extent)
        return _resized(tf, crop, (size, size), size), label

    order = int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
    shuffled = _chosen(tf, stream, keep).shuffle(shuffle_buffer, seed=order, reshuffle_each_iteration=False)
    return _batched(tf, shuffled.map(random_crop, tf.data.AUTOTUNE), batch_size)


def evaluation_batches(
    stream: ImageStream, batch_size: int, size: int = 224, resized: int = 256, keep: ArrayLike | None = None
) -> Any:
    """Returns batches of centre crops, in the stream's order.

    Args:
        stream: An `ImageStream`.
        batch_size: Samples per batch; the last batch has what is left.
        size: Height and width of the crops. With `size=resized` they are for
            `tfdrop.data.augmentation.evaluation_crops.ten_crop_model`.
        resized: What the images' shorter side is resized to first.
        keep: Which samples to use, booleans of shape `(stream.samples,)`; all by default.

    Returns:
        `tf.data.Dataset` of `(images, labels)`: float32 in [0, 255], `(batch, size, size, channels)`.
    """
    import tensorflow as tf

    if check_whole("size", size) > check_whole("resized", resized):
        raise ValueError(f"Cannot cut {size}x{size} crops from images whose shorter side is {resized}")

    def centre_crop(_, sample):
        encoded, label = sample
        image = stream.decode(encoded)
        shape = tf.cast(tf.shape(image)[:2], "float32")
        whole = tf.cast(tf.round(shape * resized / tf.reduce_min(shape)), "int32")
        return _resized(tf, image, whole, size), label

    return _batched(tf, _chosen(tf, stream, keep).map(centre_crop, tf.data.AUTOTUNE), batch_size)


def _from_files(paths: list[Path], labels: np.ndarray, classes: tuple[str, ...]) -> ImageStream:
    import tensorflow as tf

    # The library's own reader names a broken file and turns photographs upright; it decodes outside Python's lock.
    def decode(path):
        image = tf.numpy_function(lambda name: read_colour_image(name.decode()), [path], tf.uint8)
        return tf.ensure_shape(image, (None, None, 3))

    files = tf.data.Dataset.from_tensor_slices(([str(path) for path in paths], labels))
    return ImageStream(files, decode, len(paths), classes)


def _chosen(tf: Any, stream: ImageStream, keep: ArrayLike | None) -> Any:
    """Returns `(number, (encoded image, label))` of the samples that are used."""
    numbered = stream.dataset.enumerate()
    if keep is None:
        return numbered
    if np.shape(keep) != (stream.samples,):
        raise ValueError(f"`keep` should have shape ({stream.samples},). Received: {np.shape(keep)}")
    kept = tf.constant(np.asarray(keep, dtype=bool))
    return numbered.filter(lambda number, _: kept[number])


def _resized(tf: Any, image: Any, shape: Any, size: int) -> Any:
    """Returns the centre, `(size, size, channels)`, of an image resized to a shape."""
    resized = tf.image.resize(tf.cast(image, "float32"), shape, antialias=True)
    top, left = tf.unstack((tf.shape(resized)[:2] - size) // 2)
    return tf.ensure_shape(resized[top : top + size, left : left + size], (size, size, None))


def _batched(tf: Any, dataset: Any, batch_size: int) -> Any:
    return dataset.batch(check_whole("batch_size", batch_size)).prefetch(tf.data.AUTOTUNE)
