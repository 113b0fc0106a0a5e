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
