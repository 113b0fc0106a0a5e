"""Image sets whose images stay in their files, beside the same sets in memory."""

import shutil

import numpy as np
import pytest
from class_folders import write_class_folders, write_picture, write_prepared

from tfdrop.data import load_image_set
from tfdrop.data.sets import named
from tfdrop.data.sets.streamed_images import StreamedImages
from tfdrop.data.sets.streamed_sets import stream_prepared
from tfdrop.errors import UserError

CLASSES = {"ant": 5, "bee": 4, "cow": 3}
SIZES = [(40, 60), (33, 30), (50, 50), (64, 31)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with the same pictures as class folders `pictures` and as a prepared `imagenet2012` of two files."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures, labels, names = [], [], list(CLASSES)
    for label, (name, samples) in enumerate(CLASSES.items()):
        for number in range(samples):
            height, width = SIZES[len(pictures) % len(SIZES)]
            path = folder / "pictures" / "train" / name / f"{number}.png"
            pictures.append(write_picture(path, len(pictures), height, width))
            labels.append(label)
    write_class_folders(folder / "pictures", {"val": dict.fromkeys(CLASSES, 1)}, height=40, width=40)
    write_prepared(folder, pictures, labels, names, tested=3)
    return folder


@pytest.mark.parametrize("name", ["pictures", "imagenet2012"])
def test_the_same_as_in_memory(name, data_dir):
    whole, streamed = (load_image_set(name, data_dir, 24, in_memory=in_memory) for in_memory in (True, False))
    assert list(streamed.parts()) == list(whole.parts())
    assert (streamed.classes, streamed.notes, streamed.unreadable) == (whole.classes, whole.notes, ())
    assert streamed.image_shape == (24, 24, 3)
    for part, (x, y) in whole.parts().items():
        images, labels = streamed.parts()[part]
        np.testing.assert_array_equal(np.asarray(images), x)
        np.testing.assert_array_equal(labels, y)
        chosen = np.array([2, 0])
        np.testing.assert_array_equal(np.asarray(images[chosen]), x[chosen])
        np.testing.assert_array_equal(images[1], x[1])
    if whole.names is None:
        assert streamed.names is None
    else:
        np.testing.assert_array_equal(streamed.training_names, whole.training_names)


def test_a_set_without_a_test_part_is_divided_alike(data_dir):
    folder = data_dir / "pictures" / "train"
    whole, streamed = (load_image_set(str(folder), None, 24, in_memory=in_memory) for in_memory in (True, False))
    assert streamed.notes == whole.notes
    for part in ("train", "test"):
        np.testing.assert_array_equal(streamed.names[part], whole.names[part])
        np.testing.assert_array_equal(np.asarray(streamed.parts()[part][0]), whole.parts()[part][0])


def test_what_takes_much_memory_is_streamed_unless_told(data_dir, monkeypatch):
    assert isinstance(load_image_set("pictures", data_dir, 24, in_memory=None).train[0], np.ndarray)
    # 12 and 3 images of 24 x 24 in colour: exactly as much, and a byte more
    for most, kind in ((15 * 24 * 24 * 3, np.ndarray), (15 * 24 * 24 * 3 - 1, StreamedImages)):
        monkeypatch.setattr(named, "MOST_IN_MEMORY", most)
        for name in ("pictures", "imagenet2012"):
            assert isinstance(load_image_set(name, data_dir, 24, in_memory=None).train[0], kind)
    with pytest.raises(ValueError, match=r"digits is in memory in any case"):
        load_image_set("digits", in_memory=False)


def test_all_broken_files_are_named_and_counted_or_skipped(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 4, "bee": 3}, "test": {"ant": 1, "bee": 1}})
    for name in ("train/ant/1.png", "test/bee/0.png"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"cannot read 2 of 9 images: train/ant/1\.png \(.*\); test/bee/0\.png \("):
        load_image_set(str(tmp_path), in_memory=False)
    whole, streamed = (load_image_set(str(tmp_path), None, None, False, True, memory) for memory in (True, False))
    assert streamed.unreadable == whole.unreadable
    assert [name.split(":")[0] for name in streamed.unreadable] == ["train/ant/1.png", "test/bee/0.png"]
    np.testing.assert_array_equal(np.asarray(streamed.train[0]), whole.train[0])
    np.testing.assert_array_equal(streamed.train[1], whole.train[1])
    np.testing.assert_array_equal(streamed.names["train"], whole.names["train"])


def test_a_first_file_that_is_broken_is_one_of_several(tmp_path):
    """Of which the size in memory is estimated."""
    write_class_folders(tmp_path, {"train": {"ant": 4, "bee": 3}, "test": {"ant": 1, "bee": 1}})
    for name in ("train/ant/0.png", "train/bee/0.png"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"cannot read 2 of 9 images: train/ant/0\.png \(.*\); train/bee/0\.png \("):
        load_image_set(str(tmp_path), in_memory=None)
    assert len(load_image_set(str(tmp_path), skip_unreadable=True, in_memory=None).train[1]) == 5


def test_other_pixels_are_another_set_whatever_a_file_is_called_and_how_long_it_is(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 2, "bee": 2}, "test": {"ant": 1}}, extension="bmp")
    prints = [load_image_set(str(tmp_path), in_memory=False).train[0].fingerprint()]
    file = tmp_path / "train" / "bee" / "1.bmp"
    content = file.read_bytes()
    for changed in (content, content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]):
        file.write_bytes(changed)
        prints.append(load_image_set(str(tmp_path), in_memory=False).train[0].fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_one_broken_file_and_sizes_that_differ_are_said_as_in_memory(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 3, "bee": 2}})
    write_picture(tmp_path / "train" / "bee" / "1.png", 7, height=12, width=5)
    messages = []
    for _ in range(2):
        for in_memory in (True, False):
            with pytest.raises(ValueError, match=r"1\.png") as error:
                load_image_set(str(tmp_path), in_memory=in_memory)
            messages.append(str(error.value))
        (tmp_path / "train" / "bee" / "1.png").write_bytes(b"nothing")
    expected = "train/bee/1.png is 12x5, train/ant/0.png is 7x9: give a size to resize them to"
    assert messages[:2] == [expected, expected]
    assert messages[2] == messages[3]
    assert messages[3].startswith("train/bee: cannot read image 1.png: ")


def test_a_file_that_breaks_later_is_named(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 3, "bee": 2}, "test": {"bee": 1}})
    images = load_image_set(str(tmp_path), in_memory=False).train[0]
    (tmp_path / "train" / "ant" / "1.png").unlink()
    with pytest.raises(UserError, match=r"^train/ant/1\.png: .*No such file"):
        np.asarray(images)
    assert np.asarray(images[[0, 2, 3, 4]]).shape == (4, 7, 9, 3)


def test_a_set_with_an_extra_part_stays_in_memory(tmp_path, monkeypatch):
    pictures = [write_picture(tmp_path / f"{number}.png", number) for number in range(4)]
    write_prepared(tmp_path, pictures, [0, 1, 0, 1], ["ant", "bee"], 2, name="svhn_cropped", more=("test", "extra"))
    monkeypatch.setattr(named, "MOST_IN_MEMORY", 0)
    assert isinstance(load_image_set("svhn_cropped", tmp_path, 8, in_memory=None).extra[0], np.ndarray)
    with pytest.raises(ValueError, match=r"without an extra part.*Received: 'svhn_cropped', tfrecord, with the parts"):
        load_image_set("svhn_cropped", tmp_path, 8, in_memory=False)


def test_a_record_that_is_none_is_named_or_skipped(data_dir, tmp_path):
    broken = tmp_path / "imagenet2012" / "5.1.0"
    shutil.copytree(data_dir / "imagenet2012" / "5.1.0", broken)
    file = next(path for path in sorted(broken.iterdir()) if "train.tfrecord-00000" in path.name)
    content = bytearray(file.read_bytes())
    content[12:40] = b"\xff" * 28  # behind the length of the first record and its checksum
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read image train\[0\]: "):
        stream_prepared("imagenet2012", tmp_path, 24)
    skipped = stream_prepared("imagenet2012", tmp_path, 24, skip_unreadable=True)
    assert [text.split(":")[0] for text in skipped.unreadable] == ["train[0]"]
    whole = load_image_set("imagenet2012", data_dir, 24)
    np.testing.assert_array_equal(np.asarray(skipped.train[0]), whole.train[0][1:])
    np.testing.assert_array_equal(skipped.train[1], whole.train[1][1:])


def test_a_missing_file_of_records(data_dir, tmp_path):
    there = tmp_path / "imagenet2012" / "5.1.0"
    shutil.copytree(data_dir / "imagenet2012" / "5.1.0", there)
    next(path for path in there.iterdir() if "train.tfrecord-00001" in path.name).unlink()
    with pytest.raises(ValueError, match=r"no such file: .*train\.tfrecord-00001"):
        stream_prepared("imagenet2012", tmp_path, 24)


def test_a_record_that_is_cut_off(data_dir, tmp_path):
    cut = tmp_path / "imagenet2012" / "5.1.0"
    cut.mkdir(parents=True)
    for path in (data_dir / "imagenet2012" / "5.1.0").iterdir():
        content = path.read_bytes()
        (cut / path.name).write_bytes(content[:-9] if "train" in path.name else content)
    with pytest.raises(ValueError, match=r"imagenet2012-train.*is cut off after \d+ records"):
        stream_prepared("imagenet2012", tmp_path, 24)


def test_unknown_sets_are_named():
    with pytest.raises(ValueError, match="'imagenet2013'; the nearest are imagenet2012"):
        load_image_set("imagenet2013", in_memory=None)
