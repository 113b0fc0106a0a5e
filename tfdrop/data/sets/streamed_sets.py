"""Labelled image sets of which only labels and names are in memory: images are read whenever they are asked for."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.data.images.colour import read_colour_image, resize
from tfdrop.data.images.files import attempts, reason_of, unreadable_error
from tfdrop.data.sets.class_folders import list_class_folders, sizes_differ
from tfdrop.data.sets.held_out import with_held_out_test
from tfdrop.data.sets.image_set import ImageSet, checked
from tfdrop.data.sets.prepared import PreparedSet, open_prepared, sized
from tfdrop.data.sets.records import Records
from tfdrop.data.sets.streamed_images import StreamedImages
from tfdrop.errors import UserError
from tfdrop.progress import Progress

FORM = "tfrecord"


class _Listed(NamedTuple):
    """The images of a part, not yet read: a function of an image's place in it, and names."""

    read: Callable[[int], tuple[np.ndarray, int]]
    names: np.ndarray


def stream_class_folders(folder: str | Path, size: int | None = None, skip_unreadable: bool = False) -> ImageSet:
    """Opens what `tfdrop.data.sets.class_folders.read_class_folders` reads into memory.

    Every image is read once, to see that it can be.

    Args:
        folder: The set's folder.
        size: If given, images are resized to squares of this size; otherwise they must have one size.
        skip_unreadable: Whether to go on without images that cannot be read; `ImageSet.unreadable` lists them.

    Returns:
        An `ImageSet` whose images are `StreamedImages`: the same numbers as in memory.

    Raises:
        ValueError: As `read_class_folders`.
    """
    folder = Path(folder)
    listed = list_class_folders(folder)
    parts = {}
    for part, (paths, labels) in listed.parts.items():
        names = np.array([path.relative_to(folder).as_posix() for path in paths])
        parts[part] = _Listed(_of_files(folder, names, labels, size), names)
    return _opened(parts, listed.classes, skip_unreadable, named=True)


def stream_prepared(
    name: str,
    data_dir: str | Path | None = None,
    size: int | None = None,
    download: bool = False,
    skip_unreadable: bool = False,
) -> ImageSet:
    """Opens what `tfdrop.data.sets.prepared.load_prepared` reads into memory; see `stream_class_folders`.

    Raises:
        ValueError: As `load_prepared`; or if the set is in files other than TFRecord, or has an extra part.
    """
    opened = open_prepared(name, data_dir, download)
    if not can_be_streamed(opened):
        form = opened.builder.info.file_format.value
        raise ValueError(
            f"Expected a set in files of the form {FORM}, and without an extra part, which memory alone can join to "
            f"the training part. Received: {name!r}, {form}, with the parts {', '.join(opened.splits)}"
        )
    parts = {}
    for part in opened.splits:
        records = Records(opened.files(part))
        numbers = range(len(records))
        names = np.array([f"{part}[{number}]" for number in numbers])
        parts[part] = _Listed(_of_records(opened, records, size), names)
    return _opened(parts, opened.classes, skip_unreadable, named="test" not in parts)


def can_be_streamed(opened: PreparedSet) -> bool:
    """Tells whether the images of a prepared set can be read one by one, in any order."""
    return opened.builder.info.file_format.value == FORM and "extra" not in opened.splits


def _of_files(folder: Path, names: np.ndarray, labels: np.ndarray, size: int | None) -> Any:
    def read(number: int) -> tuple[np.ndarray, int]:
        pixels = read_colour_image(folder / names[number])
        return (pixels if size is None else resize(pixels, size)), labels[number]

    return read


def _of_records(opened: Any, records: Records, size: int | None) -> Any:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    feature = opened.builder.info.features[opened.image]

    # Operations one by one: several threads in one compiled function would wait for each other.
    def read(number: int) -> tuple[np.ndarray, int]:
        try:
            stored = tf.train.Example.FromString(records[number]).features.feature
            label = stored[opened.label].int64_list.value[0]
            with tf.device("CPU:0"):
                image = feature.decode_example(stored[opened.image].bytes_list.value[0])
                pixels = image if size is None else sized(tf, image, size)
        except (tf.errors.OpError, DecodeError, IndexError) as error:
            raise ValueError(" ".join(str(error).split())) from error
        return pixels.numpy(), label

    return read


def _opened(parts: dict[str, _Listed], classes: tuple[str, ...], skip_unreadable: bool, named: bool) -> ImageSet:
    """Returns the set, once each image was read: what cannot be is skipped or named."""
    total = sum(len(listed.names) for listed in parts.values())
    with Progress("Checking images", total) as progress:
        checks = {part: _checked_part(listed, progress.advance) for part, listed in parts.items()}
    failures = [failure for each in checks.values() for failure in each.failures]
    if failures and not (skip_unreadable and all(each.labels for each in checks.values())):
        raise unreadable_error(failures, total)
    _check_sizes(checks)
    opened: dict[str, Any] = {}
    names = {}
    for part, each in checks.items():
        kept = np.array(each.numbers)
        names[part] = parts[part].names[kept]
        images = StreamedImages(_pixels(parts[part], kept), np.array(each.digests, "uint64"))
        opened[part] = images, np.array(each.labels, "int32")
    opened["unreadable"] = tuple(f"{name}: {reason}" for name, reason in failures)
    if "test" in opened:
        return checked(ImageSet(classes=classes, names=names if named else None, **opened))
    return checked(with_held_out_test(opened.pop("train"), names["train"], classes, **opened))


class _CheckedPart(NamedTuple):
    """What reading a part once found: the numbers of the images that can be read, their labels, and the others.

    `digests` tell images with other pixels; `sizes` has a name for each shape that there is.
    """

    numbers: list[int]
    labels: list[int]
    digests: list[int]
    sizes: dict[tuple[int, ...], str]
    failures: list[tuple[str, str]]


def _checked_part(listed, advance):
    part = _CheckedPart([], [], [], {}, [])

    def outline(number):
        pixels, label = listed.read(number)
        return pixels.shape, label, _digest(pixels)

    for number, found in enumerate(attempts(range(len(listed.names)), outline)):
        if isinstance(found, ValueError):
            part.failures.append((listed.names[number], reason_of(listed.names[number], found)))
        else:
            part.numbers.append(number)
            part.labels.append(found[1])
            part.digests.append(found[2])
            part.sizes.setdefault(found[0], listed.names[number])
        advance()
    return part


def _check_sizes(checks):
    sizes = {shape: name for each in checks.values() for shape, name in each.sizes.items()}
    if len(sizes) > 1:
        (one, first), (two, second) = list(sizes.items())[:2]
        raise sizes_differ(second, first, two, one)


def _digest(pixels):
    """Returns eight bytes, as a number, that other pixels would change."""
    return int.from_bytes(hashlib.blake2b(pixels.tobytes(), digest_size=8).digest())


def _pixels(listed, kept):
    """Returns a function from an image's place among those that are kept to its pixels."""

    def read(place):
        number = kept[place]
        try:
            return listed.read(number)[0]
        except (ValueError, OSError) as error:  # it could be read when the set was opened
            raise UserError(f"{listed.names[number]}: {reason_of(listed.names[number], error)}") from error

    return read
