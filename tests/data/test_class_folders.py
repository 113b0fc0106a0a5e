import numpy as np
import PIL.Image
import pytest
from class_folders import write_class_folders, write_picture

from tfdrop.data.images.colour import read_colour_image, resize, to_colour
from tfdrop.data.sets.class_folders import list_class_folders, read_class_folders
from tfdrop.data.sets.named import load_image_set


@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        ("test", None, ["train", "test"]),
        ("val", None, ["train", "test"]),
        ("validation", "test", ["train", "test", "validation"]),
    ],
)
def test_parts_and_labels_are_those_of_the_folders(tmp_path, second, third, expected):
    parts = {"train": {"ant": 3, "bee": 2}, second: {"ant": 1, "bee": 1}} | ({third: {"bee": 2}} if third else {})
    pictures = write_class_folders(tmp_path / "insects", parts)
    (tmp_path / "insects" / "train" / "notes.txt").write_text("no class")
    (tmp_path / "insects" / "train" / ".hidden").mkdir()
    image_set = load_image_set("insects", tmp_path)
    assert image_set.classes == ("ant", "bee")
    assert list(image_set.parts()) == expected
    names = {"train": "train", "test": third or second, "validation": second}
    for part, (x, y) in image_set.parts().items():
        np.testing.assert_array_equal(x, pictures[names[part]])
        classes = parts[names[part]]
        assert y.tolist() == [0] * classes.get("ant", 0) + [1] * classes["bee"]


def test_tiny_imagenets_own_layout(tmp_path):
    train = [tmp_path / f"train/{name}/images/{name}_{at}.JPEG" for name in "pq" for at in range(3)]
    for at, path in enumerate(train):
        write_picture(path, at)
    for at in range(4):
        write_picture(tmp_path / f"val/images/val_{at}.JPEG", 10 + at)
    lines = [f"val_{at}.JPEG\t{name}\t0\t0\t5\t5\n" for at, name in ((2, "q"), (0, "p"), (1, "q"))]
    (tmp_path / "val" / "val_annotations.txt").write_text("".join(lines))
    write_picture(tmp_path / "test/images/test_0.JPEG", 20)
    image_set = read_class_folders(tmp_path)
    assert list(image_set.parts()) == ["train", "test"]
    assert image_set.train[1].tolist() == [0, 0, 0, 1, 1, 1]
    assert image_set.test[1].tolist() == [1, 0, 1]
    paths = [*train, *(tmp_path / f"val/images/val_{at}.JPEG" for at in (2, 0, 1))]
    for image, path in zip(np.concatenate([image_set.train[0], image_set.test[0]]), paths, strict=True):
        np.testing.assert_array_equal(image, PIL.Image.open(path))


def test_without_a_test_part_a_fifth_of_each_class_is_one(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 10, "bee": 5}})
    image_set = read_class_folders(tmp_path)
    assert [np.bincount(y).tolist() for _, y in image_set.parts().values()] == [[8, 4], [2, 1]]


def test_folders_of_classes_alone_are_a_set_whose_test_part_is_held_out(tmp_path):
    pictures = write_class_folders(tmp_path, {"insects": {"ant": 10, "bee": 5}})["insects"]
    write_picture(tmp_path / "insects" / "cow" / "images" / "0.png", 100)
    last = write_picture(tmp_path / "insects" / "cow" / "images" / "1.png", 101)
    by_name = dict(zip([f"ant/{n}.png" for n in range(10)] + [f"bee/{n}.png" for n in range(5)], pictures, strict=True))
    by_name["cow/images/1.png"] = last
    image_set = load_image_set("insects", tmp_path)
    assert image_set.classes == ("ant", "bee", "cow")
    assert [np.bincount(y, minlength=3).tolist() for _, y in image_set.parts().values()] == [[8, 4, 2], [2, 1, 0]]
    assert image_set.notes[0].startswith("The set has no test part: 3 of its 17 images")
    for part, (x, y) in image_set.parts().items():
        for image, label, name in zip(x, y, image_set.names[part], strict=True):
            assert name.split("/")[0] == image_set.classes[label]
            if name in by_name:
                np.testing.assert_array_equal(image, by_name[name])
    assert len(set(np.concatenate(list(image_set.names.values())))) == 17
    again = load_image_set(str(tmp_path / "insects"))
    np.testing.assert_array_equal(again.names["test"], image_set.names["test"])


def test_one_folder_of_images_is_not_a_set_of_classes(tmp_path):
    write_class_folders(tmp_path, {"insects": {"ant": 3}})
    with pytest.raises(ValueError, match=r"is no folder of classes. Expected train/CLASS.*or CLASS/\*\.png"):
        read_class_folders(tmp_path / "insects")


def test_images_in_sub_folders_of_a_class_are_its_own(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 2, "bee": 2}, "test": {"ant": 1, "bee": 1}})
    deeper = write_picture(tmp_path / "train" / "ant" / "wings" / "red" / "0.png", 50)
    write_picture(tmp_path / "train" / "ant" / ".thumbnails" / "0.png", 51)
    image_set = read_class_folders(tmp_path)
    assert image_set.train[1].tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(image_set.train[0][2], deeper)
    assert image_set.names["train"].tolist()[1:4] == ["train/ant/1.png", "train/ant/wings/red/0.png", "train/bee/0.png"]
    assert image_set.training_names.tolist() == image_set.names["train"].tolist()
    assert image_set.notes == ()


def test_unreadable_files_are_named_at_once_or_skipped(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 3, "bee": 3}, "test": {"ant": 2, "bee": 1}})
    whole = read_class_folders(tmp_path)
    for name in ("train/ant/1.png", "test/ant/0.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"cannot read 2 of 9 images: train/ant/1\.png \(.*\); test/ant/0\.png \("):
        read_class_folders(tmp_path)
    rest = read_class_folders(tmp_path, skip_unreadable=True)
    assert [text.split(": ")[0] for text in rest.unreadable] == ["train/ant/1.png", "test/ant/0.png"]
    for part, kept in {"train": [0, 2, 3, 4, 5], "test": [1, 2]}.items():
        for ours, expected in zip(rest.parts()[part], whole.parts()[part], strict=True):
            np.testing.assert_array_equal(ours, expected[kept])
        np.testing.assert_array_equal(rest.names[part], whole.names[part][kept])
    (tmp_path / "test/ant/1.png").write_bytes(b"")
    (tmp_path / "test/bee/0.png").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the images of the part 'test' can be read"):
        read_class_folders(tmp_path, skip_unreadable=True)


def test_sizes_must_agree_unless_resizing_is_asked_for(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 3, "bee": 3}, "test": {"ant": 1}})
    pixels = write_picture(tmp_path / "train" / "bee" / "1.png", 50, height=6, width=10)
    with pytest.raises(ValueError, match=r"train/bee/1.png is 6x10, train/ant/0.png is 7x9: give a size"):
        read_class_folders(tmp_path)
    image_set = read_class_folders(tmp_path, size=4)
    assert image_set.image_shape == (4, 4, 3)
    centre = PIL.Image.fromarray(np.ascontiguousarray(pixels[:, 2:8]))
    np.testing.assert_array_equal(image_set.train[0][4], centre.resize((4, 4), PIL.Image.Resampling.BILINEAR))


@pytest.mark.parametrize("length", [0, 60])
def test_a_broken_file_is_named(tmp_path, length):
    write_class_folders(tmp_path, {"train": {"ant": 3, "bee": 3}})
    file = tmp_path / "train" / "bee" / "1.png"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"train/bee: cannot read image 1\.png"):
        read_class_folders(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "train" / "cow").mkdir(), "train/cow has no images"),
        (
            lambda folder: write_picture(folder / "test" / "cow" / "0.png", 0),
            "test/cow is a class that .*train has not",
        ),
        (lambda folder: (folder / "train").rename(folder / "rain"), "is no folder of classes. Expected train/CLASS"),
    ],
)
def test_layouts_that_are_not_understood(tmp_path, spoil, message):
    write_class_folders(tmp_path, {"train": {"ant": 2}, "test": {"ant": 1}})
    spoil(tmp_path)
    with pytest.raises(ValueError, match=message):
        list_class_folders(tmp_path)


def test_unknown_class_in_tiny_imagenets_list(tmp_path):
    write_class_folders(tmp_path, {"train": {"ant": 2}})
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "val_annotations.txt").write_text("a.png\tant\nb.png\tbee\n")
    with pytest.raises(ValueError, match=r"val_annotations.txt, line 2: 'bee' is no class"):
        list_class_folders(tmp_path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK", "I;16"])
def test_pictures_of_all_kinds_become_8_bit_colour(tmp_path, mode):
    rng = np.random.default_rng(0)
    if mode == "I;16":
        deep = rng.integers(0, 65536, (5, 6), dtype="uint16")
        picture, expected = PIL.Image.fromarray(deep), np.repeat(np.round(deep / 257)[..., None], 3, -1)
    else:
        picture = PIL.Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype="uint8")).convert(mode)
        expected = np.asarray(picture.convert("RGB"))
    extension = "tif" if mode == "CMYK" else "png"
    picture.save(tmp_path / f"a.{extension}")
    pixels = read_colour_image(tmp_path / f"a.{extension}")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((0, 3)), np.zeros((4, 5, 6)), np.full((4, 4), 2.0)])
def test_what_is_no_image(bad):
    with pytest.raises(ValueError, match="expected"):
        to_colour(bad)


def test_resizing_keeps_one_channel_one():
    assert resize(np.zeros((5, 7, 1), "uint8"), 4).shape == (4, 4, 1)
