"""Labelled images in folders, for the tests to read."""

import numpy as np
import PIL.Image


def write_picture(path, seed, height=7, width=9):
    """Writes a smooth picture of its own and returns its pixels."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 3, 3), dtype="uint8")
    image = PIL.Image.fromarray(corners).resize((width, height), PIL.Image.Resampling.BILINEAR)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return np.asarray(image)


def write_class_folders(folder, parts, extension="png", **size):
    """Writes `{part: {class: number of pictures}}` as `PART/CLASS/*`; returns `{part: pixels}`, in order."""
    seeds = iter(range(1000))
    return {
        part: [
            write_picture(folder / part / name / f"{number}.{extension}", next(seeds), **size)
            for name, samples in classes.items()
            for number in range(samples)
        ]
        for part, classes in parts.items()
    }


def write_prepared(folder, pictures, labels, classes, tested, name="imagenet2012", more=()):
    """Writes pictures as a prepared set, in two files; the first are also its other splits, `validation` and more."""
    import tensorflow_datasets as tfds

    samples = [
        (n, {"image": image, "label": label}) for n, (image, label) in enumerate(zip(pictures, labels, strict=True))
    ]
    image = tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg")
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="5.1.0",
        features=tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(names=classes)}),
        split_datasets={"train": samples} | {split: samples[:tested] for split in ("validation", *more)},
        data_dir=folder,
        disable_shuffling=True,
        download_config=tfds.download.DownloadConfig(num_shards=2),
    )
