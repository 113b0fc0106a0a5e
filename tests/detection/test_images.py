"""Images and batches: what becomes of pixels and boxes, and files that cannot be read."""

import io

import numpy as np
import PIL.Image
import pytest
from voc_folders import SHAPES, write_annotation, write_list, write_shapes

from tfdrop.detection.annotations import Annotated, make_objects, unannotated
from tfdrop.detection.batches import Batches
from tfdrop.detection.images import file_size, fit, flipped, read, readable
from tfdrop.detection.voc import list_voc


@pytest.fixture
def shapes(tmp_path):
    write_shapes(tmp_path, {"trainval": 7}, width=40, height=24, sides=(8, 20))
    return list_voc(tmp_path, "2007/trainval", SHAPES)


def bright(pixels, threshold=120):
    """The box of the pixels in which a channel is bright; the ground is darkened to find them."""
    rows, columns = np.nonzero(pixels.max(axis=-1) > threshold)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def patch(tmp_path, box=(10, 4, 30, 20)):
    """A black image of 40x24 with a white box, and what its annotation says."""
    pixels = np.zeros((24, 40, 3), "uint8")
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    path = tmp_path / "a.png"
    PIL.Image.fromarray(pixels).save(path)
    return Annotated("a.png", path, make_objects("a", [box], [0], [False], (24, 40)), (24, 40))


@pytest.mark.parametrize("mirror", [False, True])
def test_boxes_go_with_their_pixels(tmp_path, mirror):
    image = patch(tmp_path)
    fitted = fit(read(image), 80)
    boxes, pixels = image.objects.boxes * fitted.scale, fitted.pixels
    if mirror:
        pixels, boxes = flipped(pixels, boxes, fitted.scale * 40)
        assert boxes.tolist() == [[20, 8, 60, 40]]
    np.testing.assert_allclose(bright(pixels), boxes[0], atol=1)
    assert pixels[48:].max() == 0  # the rest of the square


def test_a_batch_is_a_function_of_its_step(shapes):
    batches = Batches(shapes, 32, 3, seed=4)
    assert batches.steps_per_epoch == 3
    first = {step: batch for step, batch in batches.from_step(0, 6)}
    again = {step: batch for step, batch in batches.from_step(4, 6)}
    assert list(again) == [4, 5]
    for step, (x, y) in again.items():
        np.testing.assert_array_equal(x, first[step][0])
        np.testing.assert_array_equal(y["boxes"], first[step][1]["boxes"])
    assert not np.array_equal(first[0][0], first[3][0])
    other = Batches(shapes, 32, 3, seed=5).batch(0)
    assert not np.array_equal(first[0][0], other[0])


def test_an_epoch_has_every_image(shapes):
    batches = Batches(shapes, 32, 3, seed=0, mirror=False)
    alone = {fit(read(image), 32).pixels.tobytes(): number for number, image in enumerate(shapes)}
    for epoch in range(2):
        steps = range(3 * epoch, 3 * epoch + 3)
        x = np.concatenate([batches.batch(step)[0] for step in steps]).astype("uint8")
        numbers = [alone[each.tobytes()] for each in x]
        assert sorted(numbers[:7]) == list(range(7))
        assert x.dtype == "uint8"
        assert len(numbers) == 9  # filled up


def test_half_of_the_images_are_mirrored(shapes):
    plain, mirrored = (Batches(shapes, 32, 7, seed=0, mirror=mirror) for mirror in (False, True))
    changed = [
        not np.array_equal(a, b)
        for step in range(20)
        for a, b in zip(plain.batch(step)[0], mirrored.batch(step)[0], strict=True)
    ]
    assert 0.35 < np.mean(changed) < 0.65


def test_a_batch_larger_than_the_set_and_boxes_that_are_filled_up(tmp_path):
    image = patch(tmp_path)
    objects = make_objects("a", [(0, 0, 4, 4), (5, 5, 9, 9), (1, 1, 3, 3)], [1, 2, 0], [False, True, False], None)
    x, y = Batches([image, image._replace(objects=objects)], 40, 5, seed=0, mirror=False).batch(0)
    assert (x.shape, x.dtype) == ((5, 40, 40, 3), "float32")
    assert y["boxes"].shape == (5, 2, 4)
    for labels, boxes in zip(y["labels"].tolist(), y["boxes"].tolist(), strict=True):
        if labels == [0, -1]:
            assert boxes == [[10, 4, 30, 20], [-1] * 4]
        else:
            assert labels == [1, 0]  # without the difficult one
            assert boxes == [[0, 0, 4, 4], [1, 1, 3, 3]]


def test_grey_and_cmyk_files_become_colour(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (2, 2, 3), dtype="uint8").repeat(8, axis=0).repeat(8, axis=1)
    for mode in ("L", "CMYK", "RGB"):
        path = tmp_path / f"{mode}.jpg"
        PIL.Image.fromarray(colour).convert(mode).save(path, quality=98)
        expected = colour if mode != "L" else np.asarray(PIL.Image.fromarray(colour).convert("L"))[..., None]
        for file in (path, path.read_bytes()):
            pixels = read(Annotated(path.name, file, make_objects("", [], [], [], None)))
            assert (pixels.shape, pixels.dtype) == ((16, 16, 3), "uint8")
            assert abs(pixels[4, 4].astype(int) - expected[4, 4]).max() < 25  # JPEG is lossy
        assert file_size(path.read_bytes(), path.name) == (16, 16)


def broken_folder(tmp_path, broken=2, whole=3):
    names = [f"{number}" for number in range(broken + whole)]
    write_list(tmp_path, "test", names)
    for name in names:
        write_annotation(tmp_path / "VOC2007" / "Annotations" / f"{name}.xml", [("disc", (1, 1, 9, 9), False)])
        path = tmp_path / "VOC2007" / "JPEGImages" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.effect_noise((32, 32), 50).save(path)
        if int(name) < broken:
            path.write_bytes(path.read_bytes()[:400])
    return list_voc(tmp_path, "2007/test", SHAPES)


def test_files_that_cannot_be_read_are_counted_and_named(tmp_path):
    images = broken_folder(tmp_path)
    with pytest.raises(ValueError, match=r"^cannot read 2 of 5 images: VOC2007/0\.jpg \(.+\); VOC2007/1\.jpg \(.+\)$"):
        readable(images)
    kept, unreadable = readable(images, skip=True)
    assert [image.name for image in kept] == ["VOC2007/2.jpg", "VOC2007/3.jpg", "VOC2007/4.jpg"]
    assert [text.split(" ")[0] for text in unreadable] == ["VOC2007/0.jpg", "VOC2007/1.jpg"]
    with pytest.raises(ValueError, match="cannot read 2 of 2 images"):
        readable(images[:2], skip=True)


def test_an_image_that_is_not_as_its_annotations_say(tmp_path):
    image = patch(tmp_path)._replace(size=(24, 41))
    with pytest.raises(ValueError, match=r"is 40x24, but its annotations are of 41x24"):
        read(image)
    with pytest.raises(ValueError, match="cannot read image a: "):
        file_size(io.BytesIO(b"text").getvalue(), "a")
    assert read(unannotated(image.file)).shape == (24, 40, 3)
