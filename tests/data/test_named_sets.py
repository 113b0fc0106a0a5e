"""Image sets by name, from a file, from folders, and from prepared data sets that the test makes."""

import os
import shutil

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds
from sklearn import datasets

from tfdrop.data.preprocessing.standardization import fit_channels
from tfdrop.data.sets.image_set import ImageSet, checked, load_image_set_file, save_image_set
from tfdrop.data.sets.named import load_image_set
from tfdrop.data.sets.prepared import open_prepared

needs_data = pytest.mark.skipif("TFDROP_DATA" not in os.environ, reason="TFDROP_DATA does not name prepared data sets")


def labelled(samples, shape=(5, 6, 3), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (samples, *shape), dtype="uint8"), np.arange(samples, dtype="int32") % classes


def prepare(folder, name, shape, parts, **features):
    """Writes parts `(x, y)` as the prepared data set of that name."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=shape, encoding_format="png"),
                "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
                **features,
            }
        ),
        split_datasets={
            part: [
                (number, {"image": image, "label": int(label)} | dict.fromkeys(features, 0))
                for number, (image, label) in enumerate(zip(x, y, strict=True))
            ]
            for part, (x, y) in parts.items()
        },
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with an SVHN of 6x5 pixels, and with pictures that differ in size."""
    folder = tmp_path_factory.mktemp("prepared")
    parts = {"train": labelled(30, seed=1), "test": labelled(9, seed=2), "extra": labelled(12, seed=3)}
    prepare(folder, "svhn_cropped", (5, 6, 3), parts)
    pictures = [labelled(1, (6 + at % 3, 9, 1), seed=at)[0][0] for at in range(10)]
    prepare(folder, "pictures", (None, None, 1), {"train": (pictures, np.arange(10) % 3)})
    prepare(folder, "two_labels", (5, 6, 3), {"train": labelled(3)}, other=tfds.features.ClassLabel(num_classes=2))
    return folder


def test_digits_are_scikit_learns():
    image_set = load_image_set("digits")
    assert image_set.image_shape == (8, 8, 1)
    assert image_set.classes == tuple("0123456789")
    assert [len(y) for _, y in image_set.parts().values()] == [1438, 359]
    theirs = datasets.load_digits()
    expected = zip(np.round(theirs.images / 16 * 255).astype("uint8"), theirs.target, strict=True)
    ours = (sample for part in image_set.parts().values() for sample in zip(*part, strict=True))
    assert sorted((x.tobytes(), y) for x, y in ours) == sorted((x.tobytes(), y) for x, y in expected)


def test_a_set_that_was_divided_here_says_so_and_names_where_its_images_were(data_dir):
    image_set = load_image_set("digits")
    theirs = datasets.load_digits()
    for part, (x, y) in image_set.parts().items():
        index = [int(name.removeprefix("digits[").removesuffix("]")) for name in image_set.names[part]]
        np.testing.assert_array_equal(x[..., 0], np.round(theirs.images[index] / 16 * 255))
        np.testing.assert_array_equal(y, theirs.target[index])
    assert image_set.notes[0].startswith("The set has no test part: 359 of its 1,797 images, a fifth of each class")
    pictures = load_image_set("pictures", data_dir, size=4)
    assert sorted(np.concatenate(list(pictures.names.values()))) == [f"train[{number}]" for number in range(10)]
    assert len(pictures.notes) == 1
    whole = load_image_set("svhn_cropped", data_dir)
    assert (whole.names, whole.training_names, whole.notes) == (None, None, ())


def test_names_and_notes_are_kept_in_a_file(data_dir, tmp_path):
    image_set = load_image_set("digits")._replace(unreadable=("a.png: broken",))
    save_image_set(tmp_path / "a.npz", image_set)
    loaded = load_image_set("a", tmp_path)
    assert (loaded.notes, loaded.unreadable) == (image_set.notes, ("a.png: broken",))
    keras.tree.map_structure(np.testing.assert_array_equal, loaded.names, image_set.names)
    np.testing.assert_array_equal(loaded.training_names, image_set.names["train"])
    # What was written before there were names.
    arrays = {f"{part}_{kind}": array for part in ("train", "test") for kind, array in
              zip(("images", "labels"), labelled(6), strict=True)}  # fmt: skip
    np.savez(tmp_path / "b.npz", classes=np.array(["a", "b", "c"]), **arrays)
    assert load_image_set("b", tmp_path).names is None


def test_a_prepared_set_is_read_whole_and_in_order(data_dir):
    image_set = load_image_set("svhn_cropped", data_dir)
    assert image_set.classes == ("a", "b", "c")
    assert list(image_set.parts()) == ["train", "test", "extra"]
    for part, (samples, seed) in {"train": (30, 1), "test": (9, 2), "extra": (12, 3)}.items():
        expected, labels = labelled(samples, seed=seed)
        x, y = image_set.parts()[part]
        np.testing.assert_array_equal(x, expected)
        np.testing.assert_array_equal(y, labels)
        assert (x.dtype, y.dtype) == (np.uint8, np.int32)


def test_pictures_of_several_sizes_are_resized_when_asked(data_dir):
    with pytest.raises(ValueError, match="differ in size: give a size"):
        load_image_set("pictures", data_dir)
    image_set = load_image_set("pictures", data_dir, size=4)
    assert [x.shape for x, _ in image_set.parts().values()] == [(8, 4, 4, 1), (2, 4, 4, 1)]
    picture = PIL.Image.fromarray(labelled(1, (6, 9, 1), seed=0)[0][0, :, 1:7, 0])
    shrunk = np.asarray(picture.resize((4, 4), PIL.Image.Resampling.BILINEAR)).astype(int)
    everything = np.concatenate([x for x, _ in image_set.parts().values()])[..., 0].astype(int)
    assert np.abs(everything - shrunk).max((1, 2)).min() <= 1


def test_a_saved_file_is_the_same_set_and_goes_first(data_dir, tmp_path):
    image_set = load_image_set("svhn_cropped", data_dir)
    save_image_set(tmp_path / "svhn_cropped.npz", image_set)
    for name, folder in (
        ("svhn_cropped", tmp_path),
        ("svhn_cropped.npz", tmp_path),
        (f"{tmp_path}/svhn_cropped.npz", None),
    ):
        loaded = load_image_set(name, folder)
        assert loaded.classes == image_set.classes
        assert loaded.validation is None
        keras.tree.map_structure(np.testing.assert_array_equal, loaded.parts(), image_set.parts())
    assert load_image_set("svhn_cropped", tmp_path, size=4).test[0].shape == (9, 4, 4, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar11", "Unknown data set 'cifar11'; the nearest are cifar10"),
        ("digit", "the nearest are .*digits"),
        ("huggingface:mnist", "Unknown data set"),
        ("mnist", r"'mnist' is not prepared in .*tfds.builder\('mnist', data_dir='.*'\).download_and_prepare\(\)"),
        ("two_labels", "not have one image and one label"),
        ("none.npz", "no such file: none.npz or .*none.npz"),
        ("./nowhere", "no such folder: nowhere"),
        ("/etc", "/etc is no folder of classes. Expected train/CLASS"),
        ("", "`name`"),
    ],
)
def test_sets_that_are_not_there(data_dir, name, message):
    with pytest.raises(ValueError, match=message):
        load_image_set(name, data_dir)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"test": (labelled(4)[0], np.array([0, 1, 3, 2]))},
            r"part 'test' should be in \[0, 2\]. Received: 3 for sample 2",
        ),
        ({"train": (labelled(4)[0], np.array([0, -1, 1, 2]))}, "Received: -1 for sample 1, and 0 more"),
        ({"train": (labelled(4)[0], np.array([0, 0, 2, 2]))}, "No training images of class b"),
        ({"test": labelled(4, (6, 6, 3))}, r"differ: \(5, 6, 3\), \(6, 6, 3\)"),
        ({"test": labelled(0)}, r"uint8 images.*\(0, 5, 6, 3\)"),
        ({"test": (labelled(4)[0] / 255, labelled(4)[1])}, "uint8 images.*float64"),
        ({"test": (labelled(4)[0], labelled(5)[1])}, "4 integer labels"),
        ({"names": {"train": np.array(["a"] * 6)}}, "part 'test' should have 3 names"),
    ],
)
def test_what_is_no_image_set(change, message):
    image_set = ImageSet(labelled(6), labelled(3), ("a", "b", "c"))
    assert checked(image_set) is image_set
    with pytest.raises(ValueError, match=message):
        checked(image_set._replace(**change))


def test_damaged_and_foreign_files(tmp_path):
    save_image_set(tmp_path / "a.npz", ImageSet(labelled(6), labelled(3), ("a", "b", "c")))
    content = (tmp_path / "a.npz").read_bytes()
    for length in (0, 100, len(content) - 50):
        (tmp_path / "a.npz").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"a\.npz is damaged, or was not"):
            load_image_set_file(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"b\.npz is damaged, or was not"):
        load_image_set_file(tmp_path / "b.npz")
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        save_image_set(tmp_path / "c", ImageSet(labelled(6), labelled(3), ("a", "b", "c")))


def test_damaged_prepared_sets(data_dir, tmp_path):
    folder = shutil.copytree(data_dir / "svhn_cropped", tmp_path / "svhn_cropped") / "1.0.0"
    [records] = folder.glob("*test.tfrecord*")
    records.write_bytes(records.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"part 'test' of data set 'svhn_cropped/1\.0\.0' is damaged"):
        load_image_set("svhn_cropped", tmp_path)
    (folder / "dataset_info.json").unlink()
    with pytest.raises(ValueError, match=r"'svhn_cropped' in .* is damaged"):
        load_image_set("svhn_cropped", tmp_path)


@needs_data
def test_real_cifar_10_has_its_published_sizes_means_and_deviations():
    image_set = load_image_set("cifar10", os.environ["TFDROP_DATA"])
    assert image_set.image_shape == (32, 32, 3)
    assert [np.bincount(y).tolist() for _, y in image_set.parts().values()] == [[5000] * 10, [1000] * 10]
    assert image_set.classes[:3] == ("airplane", "automobile", "bird")
    fitted = fit_channels(image_set.train[0])
    np.testing.assert_allclose(fitted.mean / 255, (0.4914, 0.4822, 0.4465), atol=5e-5)
    np.testing.assert_allclose(fitted.deviation / 255, (0.2470, 0.2435, 0.2616), atol=5e-5)


@needs_data
@pytest.mark.parametrize(("name", "samples", "classes"), [("cifar100", 50_000, 100), ("mnist", 60_000, 10)])
def test_other_real_sets_open_with_their_fine_labels(name, samples, classes):
    opened = open_prepared(name, os.environ["TFDROP_DATA"])
    splits = opened.builder.info.splits
    assert [splits[split].num_examples for split in opened.splits.values()] == [samples, 10_000]
    assert len(opened.classes) == classes
    labels = [label for _, label in opened.dataset("train").take(300).as_numpy_iterator()]
    assert max(labels) >= 0.9 * classes
