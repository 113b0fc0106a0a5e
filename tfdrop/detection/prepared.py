"""PASCAL VOC as TensorFlow Datasets prepares it: `voc/2007` and `voc/2012`. TensorFlow is imported when one is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.detection.annotations import CLASSES, Annotated, make_objects
from tfdrop.detection.voc import split_part

SPLITS = {"trainval": "train+validation", "train": "train", "val": "validation", "test": "test"}


def list_prepared(
    part: str, data_dir: str | Path | None = None, classes: Sequence[str] = CLASSES, set_name: str = "voc"
) -> list[Annotated]:
    """Reads a part with its annotations; the images stay the bytes of their files, some 1.7 GB of 16,551.

    Args:
        part: Year and list, as `"2007/trainval"`.
        data_dir: The folder that holds prepared sets, by default that of TensorFlow Datasets.
        classes: The classes' names, which have to be the set's.
        set_name: The set's name.

    Raises:
        ValueError: If the set is not prepared, has no such part, or other classes; or has a box of no area.
    """
    year, name = split_part(part)
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ValueError(
            f"{set_name}/{year} is read by tensorflow-datasets and TensorFlow, which cannot be imported here; VOC's "
            "own folders, as --dataset=VOCdevkit, need neither"
        ) from error
    full = f"{set_name}/{year}"
    try:
        builder = tfds.core.read_only_builder.builder_from_files(full, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, OSError, ValueError) as error:
        where = f"in {data_dir}" if data_dir else "in ~/tensorflow_datasets"
        raise ValueError(
            f"{full} is not prepared {where}; where there is a network, this does it: "
            f'python -c "import tensorflow_datasets as tfds; tfds.builder({full!r}).download_and_prepare()"'
        ) from error
    if name not in SPLITS or any(split not in builder.info.splits for split in SPLITS[name].split("+")):
        raise ValueError(f"{full} has no part {name}; its splits are {', '.join(builder.info.splits)}")
    known = builder.info.features["objects"]["label"].names
    if list(known) != list(classes):
        raise ValueError(f"the classes of {full} are {', '.join(known)}. Received: {', '.join(classes)}")
    dataset = builder.as_dataset(
        split=SPLITS[name], shuffle_files=False, decoders={"image": tfds.decode.SkipDecoding()}
    )
    return [_annotated(sample, f"VOC{year}") for sample in dataset.as_numpy_iterator()]


def _annotated(sample: Any, year: str) -> Annotated:
    from tfdrop.detection.images import file_size

    name = f"{year}/{sample['image/filename'].decode()}"
    image, objects = sample["image"], sample["objects"]
    size = file_size(image, name)
    height, width = size
    # Relative, and top before left; of pixels counted from 1, as in VOC's own files, up to the last one.
    top, left, bottom, right = np.split(objects["bbox"], 4, axis=-1)
    boxes = np.concatenate([left * width - 1, top * height - 1, right * width, bottom * height], axis=-1)
    return Annotated(name, image, make_objects(name, boxes, objects["label"], objects["is_difficult"], size), size)
