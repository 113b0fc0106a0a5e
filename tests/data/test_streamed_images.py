"""Images in the place of an array, of which only what is asked for is read."""

import threading

import numpy as np
import pytest

from tfdrop.data.sets.streamed_images import StreamedImages


class Shelf:
    """Pictures that note which of them are read."""

    def __init__(self, count=50, seed=0):
        self.pixels = np.random.default_rng(seed).integers(0, 256, (count, 3, 4, 2), dtype="uint8")
        self.read = []
        self.images = StreamedImages(self._read, [f"{seed}:{number}" for number in range(count)])
        self.read.clear()  # the first, whose shape is all images'

    def _read(self, number):
        self.read.append(number)
        return self.pixels[number]


@pytest.mark.parametrize(
    "key", [slice(None), slice(3, 40, 5), np.array([7, 7, 0, 49]), [1, -1], np.arange(50) % 3 == 0, slice(5, 5)]
)
def test_indexed_as_an_array(key):
    shelf = Shelf()
    part = shelf.images[key]
    assert (part.shape, part.dtype, part.ndim, len(part)) == (
        shelf.pixels[key].shape,
        np.uint8,
        4,
        len(shelf.pixels[key]),
    )
    assert shelf.read == []  # choosing reads nothing
    np.testing.assert_array_equal(np.asarray(part), shelf.pixels[key])
    assert sorted(shelf.read) == sorted(np.arange(50)[key].tolist())
    np.testing.assert_array_equal(np.asarray(part[::-1][:2], "float64"), shelf.pixels[key][::-1][:2])


def test_a_number_is_one_image_and_what_is_out_of_range_an_error():
    shelf = Shelf()
    np.testing.assert_array_equal(shelf.images[-1], shelf.pixels[-1])
    for key in (50, [3, 50]):
        with pytest.raises(IndexError):
            shelf.images[key]
    with pytest.raises(ValueError, match="at least one image"):
        StreamedImages(lambda number: shelf.pixels[number], [])


def test_functions_are_applied_when_an_image_is_read():
    shelf = Shelf()
    changed = shelf.images[10:].map(lambda images: images[:, 1:] / np.float32(2)).map(lambda images: images + 1)
    assert (changed.shape, changed.dtype) == ((40, 2, 4, 2), np.float32)
    np.testing.assert_array_equal(np.asarray(changed[[3, 1]]), shelf.pixels[[13, 11], 1:] / np.float32(2) + 1)


def test_what_is_expected_is_read_before_it_is_asked_for_and_once():
    shelf = Shelf()
    part = shelf.images[10:]
    part.expect(np.arange(5))
    for _ in range(1000):
        if len(shelf.read) == 5:
            break
        threading.Event().wait(0.01)
    assert sorted(shelf.read) == [10, 11, 12, 13, 14]
    np.testing.assert_array_equal(np.asarray(part[:3]), shelf.pixels[10:13])
    assert len(shelf.read) == 5
    part.expect(np.array([3, 6]))  # 13 is there already, 14 is forgotten
    np.testing.assert_array_equal(np.asarray(part[[3, 6, 4]]), shelf.pixels[[13, 16, 14]])
    assert sorted(shelf.read) == [10, 11, 12, 13, 14, 14, 16]


def test_the_fingerprint_tells_images_and_their_order():
    one, other = Shelf(seed=0).images, Shelf(seed=1).images
    changed = [one.map(lambda x, by=by: x / by) for by in (2, 3)]
    prints = [each.fingerprint() for each in (one, other, one[1:], one[::-1], *changed)]
    assert len(set(prints)) == 6
    assert one[np.arange(50)].fingerprint() == prints[0]


def test_errors_of_reading_come_out():
    def read(number):
        if number == 7:
            raise ValueError("the seventh")
        return np.zeros((1, 1, 1))

    images = StreamedImages(read, list("abcdefghij"))
    with pytest.raises(ValueError, match="the seventh"):
        np.asarray(images)
    assert np.asarray(images[:7]).shape == (7, 1, 1, 1)
