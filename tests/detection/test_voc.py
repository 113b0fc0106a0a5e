"""VOC's folders and prepared sets: what they say, and what is wrong with them."""

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds
from voc_folders import SHAPES, write_annotation, write_list, write_shapes

from tfdrop.detection.annotations import CLASSES, fingerprint
from tfdrop.detection.images import read
from tfdrop.detection.prepared import list_prepared
from tfdrop.detection.voc import list_voc, read_annotation

LAYOUT_TASK = """<annotation><size><width>50</width><height>40</height><depth>3</depth></size>
<object><name>person</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax><ymax>30.5</ymax></bndbox>
<part><name>head</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part></object>
</annotation>"""


def test_planted_shapes_come_back(tmp_path):
    expected = write_shapes(tmp_path, {"trainval": 4, "test": 3}, most=3)
    for part, of_images in expected.items():
        found = list_voc(tmp_path, f"2007/{part}", SHAPES)
        assert len(found) == len(of_images)
        for image, there in zip(found, of_images, strict=True):
            assert [SHAPES[label] for label in image.objects.labels] == [name for name, _, _ in there]
            pixels = read(image).max(axis=-1)
            for box, (_, theirs, _) in zip(image.objects.boxes, there, strict=True):
                left, top, right, bottom = box.astype(int)
                assert (left + 1, top + 1, right, bottom) == theirs  # VOC's from 1, the last pixel included
                inside = pixels[top:bottom, left:right]
                assert inside.mean() > 1.3 * pixels[pixels < 150].mean()


def test_parts_of_a_person_are_no_objects(tmp_path):
    (tmp_path / "a.xml").write_text(LAYOUT_TASK)
    objects, size = read_annotation(tmp_path / "a.xml")
    assert size == (40, 50)
    assert objects.boxes.tolist() == [[2, 3, 20, 30.5]]
    assert [CLASSES[label] for label in objects.labels] == ["person"]
    assert objects.difficult.tolist() == [False]


def test_difficult_objects_are_marked(tmp_path):
    write_annotation(tmp_path / "a.xml", [("disc", (1, 1, 5, 5), True), ("cross", (2, 2, 5, 5), False)])
    assert read_annotation(tmp_path / "a.xml", SHAPES)[0].difficult.tolist() == [True, False]


def test_boxes_of_tools_that_count_from_0_are_cut(tmp_path):
    write_annotation(tmp_path / "a.xml", [("disc", (0, 0, 32, 33), False)])
    assert read_annotation(tmp_path / "a.xml", SHAPES)[0].boxes.tolist() == [[0, 0, 32, 32]]


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((5, 5, 4, 9), "has no area"),
        ((5, 9, 9, 8), "has no area"),
        ((-3, 5, 4, 9), "lies outside the image of 32x32 pixels"),
        ((5, 5, 34, 9), "lies outside the image of 32x32 pixels"),
        ((5, 5, 9, 99), "lies outside the image of 32x32 pixels"),
    ],
)
def test_boxes_that_cannot_be(tmp_path, box, problem):
    write_annotation(tmp_path / "Annotations" / "7.xml", [("disc", box, False)])
    with pytest.raises(ValueError, match=rf"^Annotations/7\.xml: box .* {problem}"):
        read_annotation(tmp_path / "Annotations" / "7.xml", SHAPES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<annotation>", r"cannot be read \("),
        ("<annotation><object><name>disc</name></object></annotation>", "is no annotation of VOC's"),
        (LAYOUT_TASK.replace("<xmin>3", "<xmin>three"), "is no annotation of VOC's"),
        (LAYOUT_TASK.replace("person", "parson"), "unknown class 'parson'; did you mean person"),
        (LAYOUT_TASK.replace("person", "zzz"), "unknown class 'zzz'; known are aeroplane"),
    ],
)
def test_annotations_that_are_none(tmp_path, text, problem):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=problem):
        read_annotation(tmp_path / "a.xml")


def test_files_that_are_missing(tmp_path):
    with pytest.raises(ValueError, match=r"no such file: .*trainval\.txt\. Expected VOC2007/Annotations"):
        list_voc(tmp_path, "2007/trainval")
    with pytest.raises(ValueError, match="expected year/list, as 2007/trainval"):
        list_voc(tmp_path, "2007")
    write_list(tmp_path, "trainval", [])
    with pytest.raises(ValueError, match="names no images"):
        list_voc(tmp_path, "2007/trainval")
    write_list(tmp_path, "trainval", ["1"])
    with pytest.raises(ValueError, match=r"1\.xml: cannot be read"):
        list_voc(tmp_path, "2007/trainval")
    write_annotation(tmp_path / "VOC2007" / "Annotations" / "1.xml", [("person", (1, 1, 5, 5), False)])
    with pytest.raises(ValueError, match=r"no such file: .*1\.jpg"):
        list_voc(tmp_path, "2007/trainval")


def test_other_boxes_or_names_are_another_set(tmp_path):
    write_shapes(tmp_path, {"trainval": 2, "test": 1})
    parts = [list_voc(tmp_path, f"2007/{part}", SHAPES) for part in ("trainval", "test")]
    moved = parts[0][0]._replace(objects=parts[0][0].objects._replace(boxes=parts[0][0].objects.boxes + 1))
    found = {fingerprint(each) for each in (parts, parts[::-1], parts[:1], [[moved, parts[0][1]], parts[1]])}
    assert len(found) == 4
    assert fingerprint(parts) == fingerprint([list(part) for part in parts])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """VOC's form of TensorFlow Datasets, with two images in each split; and the objects."""
    folder, file = tmp_path_factory.mktemp("prepared"), tmp_path_factory.mktemp("file") / "a.jpg"
    PIL.Image.fromarray(np.full((40, 50, 3), 99, "uint8")).save(file)
    # Relative: top, left, bottom, right, as TensorFlow Datasets computes them from VOC's files, which count from 1.
    objects = [
        {"bbox": tfds.features.BBox(5 / 40, 11 / 50, 20 / 40, 50 / 50), "label": 14, "is_difficult": False},
        {"bbox": tfds.features.BBox(1 / 40, 1 / 50, 40 / 40, 25 / 50), "label": 3, "is_difficult": True},
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="voc",
        config="2007",
        version="4.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(),
                "image/filename": tfds.features.Text(),
                "objects": tfds.features.Sequence(
                    {
                        "bbox": tfds.features.BBoxFeature(),
                        "label": tfds.features.ClassLabel(names=list(CLASSES)),
                        "is_difficult": np.bool_,
                    }
                ),
            }
        ),
        split_datasets={
            split: [
                (number, {"image": str(file), "image/filename": f"{split}{number}.jpg", "objects": objects})
                for number in range(2)
            ]
            for split in ("train", "validation", "test")
        },
        data_dir=folder,
        disable_shuffling=True,
    )
    return folder


def test_a_prepared_set_says_the_same(prepared):
    found = list_prepared("2007/trainval", prepared)
    assert [image.name for image in found] == [
        f"VOC2007/{split}{number}.jpg" for split in ("train", "validation") for number in range(2)
    ]
    np.testing.assert_allclose(found[0].objects.boxes, [[10, 4, 50, 20], [0, 0, 25, 40]], atol=1e-4)
    assert found[0].objects.labels.tolist() == [14, 3]
    assert found[0].objects.difficult.tolist() == [False, True]
    assert read(found[0]).shape == (40, 50, 3)


def test_prepared_sets_that_are_not_there(prepared, tmp_path):
    with pytest.raises(ValueError, match=r"voc/2007 is not prepared in .*builder\('voc/2007'\)"):
        list_prepared("2007/test", tmp_path)
    with pytest.raises(ValueError, match="voc/2012 is not prepared"):
        list_prepared("2012/trainval", prepared)
    with pytest.raises(ValueError, match="has no part extra"):
        list_prepared("2007/extra", prepared)
    with pytest.raises(ValueError, match="the classes of voc/2007 are aeroplane"):
        list_prepared("2007/test", prepared, SHAPES)
