"""Streams of pictures that differ in size, from folders and from a prepared data set that the test makes."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from class_folders import write_class_folders, write_picture

from tfdrop.data.sets.streams import evaluation_batches, open_image_streams, training_batches

CLASSES = {"ant": 5, "bee": 4, "cow": 3}
SIZES = [(40, 60), (33, 30), (50, 50), (64, 31)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with the same pictures as class folders `pictures` and as a prepared `imagenet2012`."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures, labels, names = [], [], list(CLASSES)
    for label, (name, samples) in enumerate(CLASSES.items()):
        for number in range(samples):
            height, width = SIZES[len(pictures) % len(SIZES)]
            path = folder / "pictures" / "train" / name / f"{number}.png"
            pictures.append(write_picture(path, len(pictures), height, width))
            labels.append(label)
    write_class_folders(folder / "pictures", {"val": dict.fromkeys(CLASSES, 1)}, height=40, width=40)
    train = list(enumerate({"image": image, "label": label} for image, label in zip(pictures, labels, strict=True)))
    tfds.dataset_builders.store_as_tfds_dataset(
        name="imagenet2012",
        version="5.1.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                "label": tfds.features.ClassLabel(names=names),
            }
        ),
        split_datasets={"train": train, "validation": train[:3]},
        data_dir=folder,
        disable_shuffling=True,
    )
    return folder, pictures, np.array(labels)


def joined(batches):
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels), [len(some) for some in labels]


@pytest.fixture(scope="module", params=["pictures", "imagenet2012"])
def streams(request, data_dir):
    return open_image_streams(request.param, data_dir[0])


def test_parts_are_found_and_counted(streams):
    assert list(streams) == ["train", "test"]
    assert [stream.samples for stream in streams.values()] == [12, 3]
    assert streams["test"].classes == ("ant", "bee", "cow")


def test_evaluation_resizes_the_shorter_side_and_crops_the_centre(streams, data_dir):
    images, labels, sizes = joined(evaluation_batches(streams["train"], batch_size=5, size=24, resized=28))
    assert sizes == [5, 5, 2]
    np.testing.assert_array_equal(labels, data_dir[2])
    assert images.dtype == np.float32
    for image, picture in zip(images, data_dir[1], strict=True):
        height, width = (round(28 * side / min(picture.shape[:2])) for side in picture.shape[:2])
        resized = np.asarray(PIL.Image.fromarray(picture).resize((width, height), PIL.Image.Resampling.BILINEAR))
        top, left = (height - 24) // 2, (width - 24) // 2
        # Pillow rounds twice on the way.
        np.testing.assert_allclose(image, resized[top : top + 24, left : left + 24], atol=1.1)


def test_training_depends_on_the_seed_and_the_epoch_alone(streams):
    def epoch(**arguments):
        return joined(training_batches(streams["train"], 5, size=16, **arguments))

    images, labels, sizes = epoch(seed=1)
    assert images.shape == (12, 16, 16, 3)
    assert sizes == [5, 5, 2]
    assert np.bincount(labels).tolist() == list(CLASSES.values())
    np.testing.assert_array_equal(epoch(seed=1)[0], images)
    for other in ({"seed": 2}, {"seed": 1, "epoch": 1}):
        assert (epoch(**other)[0] != images).any(axis=(1, 2, 3)).all()


def test_samples_that_are_left_out_leave_the_crops_of_the_others_alone(streams):
    keep = np.arange(12) % 3 > 0
    whole, _, _ = joined(training_batches(streams["train"], 5, size=16))
    some, labels, _ = joined(training_batches(streams["train"], 5, size=16, keep=keep))
    contents = {image.tobytes() for image in whole}
    assert len(some) == len(labels) == 8
    assert all(image.tobytes() in contents for image in some)
    everything, _, _ = joined(evaluation_batches(streams["train"], 5, size=16, resized=20))
    kept, _, _ = joined(evaluation_batches(streams["train"], 5, size=16, resized=20, keep=keep))
    np.testing.assert_array_equal(kept, everything[keep])


def test_crops_cover_between_a_twelfth_and_all_of_a_picture(data_dir, tmp_path):
    # A ramp along each axis in red and green tells how much of it a crop covers.
    rows, columns = np.mgrid[:60, :60] * 4
    (tmp_path / "train" / "ramp").mkdir(parents=True)
    ramp = PIL.Image.fromarray(np.stack([rows, columns, 0 * rows], -1).astype("uint8"))
    for number in range(60):
        ramp.save(tmp_path / "train" / "ramp" / f"{number:02d}.png")
    images, _, _ = joined(training_batches(open_image_streams(str(tmp_path))["train"], 60, size=20))
    shares = [(images[:, 14, 10, 0] - images[:, 5, 10, 0]) / 9 * 20 / 240]
    shares += [(images[:, 10, 14, 1] - images[:, 10, 5, 1]) / 9 * 20 / 240]
    area, ratio = shares[0] * shares[1], shares[1] / shares[0]
    assert 0.06 < area.min() < 0.25
    assert 0.75 < area.max() < 1.05
    assert 0.7 < ratio.min() < 0.85
    assert 1.2 < ratio.max() < 1.4


def test_bad_arguments(streams):
    with pytest.raises(ValueError, match=r"`keep` should have shape \(12,\)"):
        training_batches(streams["train"], 5, keep=[True])
    with pytest.raises(ValueError, match="224x224 crops from images whose shorter side is 100"):
        evaluation_batches(streams["train"], 5, resized=100)
    with pytest.raises(ValueError, match="'imagenet2013'; the nearest are imagenet2012"):
        open_image_streams("imagenet2013")


def test_a_broken_file_of_a_stream_is_named(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 3}})
    (tmp_path / "train" / "ant" / "1.png").write_bytes(b"nothing")
    with pytest.raises(tf.errors.OpError, match=r"cannot read image 1\.png"):
        joined(evaluation_batches(open_image_streams(str(tmp_path))["train"], 2, size=4, resized=4))
