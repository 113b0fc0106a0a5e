"""What cameras and editors write that a reader can get wrong without an error: orientation, depth, several pictures."""

import struct

import numpy as np
import PIL.Image
import pytest
import tifffile

from tfdrop.data.images.colour import read_colour_image
from tfdrop.data.images.files import image_paths, read_files
from tfdrop.data.images.grey import read_folder, read_image

# How a picture lies in the file by the Exif standard's tag: what turns it back is the inverse of each.
LYING = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(np.swapaxes(upright, 0, 1), 2),
    8: lambda upright: np.rot90(upright, -1),
}


def picture(dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (6, 9, 3), dtype=dtype)


@pytest.mark.parametrize("orientation", LYING)
@pytest.mark.parametrize(("extension", "options"), [("png", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"})])
def test_photographs_are_read_upright(tmp_path, orientation, extension, options):
    exif = PIL.Image.Exif()
    exif[274] = orientation
    lying = PIL.Image.fromarray(np.ascontiguousarray(LYING[orientation](picture())))
    lying.save(tmp_path / f"a.{extension}", exif=exif, **options)
    np.testing.assert_array_equal(read_colour_image(tmp_path / f"a.{extension}"), picture())
    expected = picture() / 255 @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(read_image(tmp_path / f"a.{extension}").pixels, expected, atol=1e-6)


def test_a_jpeg_from_a_telephone_is_upright(tmp_path):
    upright = np.repeat(np.repeat(picture(), 16, 0), 16, 1)
    exif = PIL.Image.Exif()
    exif[274] = 6
    PIL.Image.fromarray(np.ascontiguousarray(LYING[6](upright))).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert np.abs(read_colour_image(tmp_path / "a.jpg") - upright.astype(float)).mean() < 30
    assert np.abs(np.rot90(upright, 2) - upright.astype(float)).mean() > 60


@pytest.mark.parametrize("orientation", LYING)
def test_deep_tiffs_are_read_upright(tmp_path, orientation):
    lying = np.ascontiguousarray(LYING[orientation](picture("uint16")))
    tifffile.imwrite(tmp_path / "a.tif", lying, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    expected = picture("uint16") / 65535 @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels, expected, atol=1e-6)


def test_colour_planes_stored_one_after_the_other(tmp_path):
    planes = np.moveaxis(picture(), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_colour_image(tmp_path / "a.tif"), picture())


def test_a_compressed_float_tiff_keeps_its_numbers(tmp_path):
    pixels = np.random.default_rng(0).random((6, 9), "float32")
    PIL.Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_32_bit_integers_are_refused_not_clipped(tmp_path, compression):
    PIL.Image.fromarray(np.full((6, 9), 70_000, "int32")).save(tmp_path / "a.tif", compression=compression)
    with pytest.raises(ValueError, match=r"cannot read image a\.tif: expected 8-bit, 16-bit or float pixels"):
        read_image(tmp_path / "a.tif")


def test_4_bit_greys_are_spread_over_the_whole_range(tmp_path):
    """Two pixels in a byte, 15 being white: the file is written out here, as neither library writes such."""
    tags = [(256, 4), (257, 2), (258, 4), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, 4)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    pixels = bytes([0x0F, 0x18, 0xFF, 0x00])
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 12) + pixels + directory)
    expected = np.array([[0, 15, 1, 8], [15, 15, 0, 0]]) / 15
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels, expected, atol=1e-6)


def test_of_a_multi_picture_jpeg_the_photograph_is_read(tmp_path):
    smooth = PIL.Image.new("RGB", (16, 24), (200, 100, 50))
    smooth.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[PIL.Image.new("RGB", (16, 24))])
    with PIL.Image.open(tmp_path / "a.jpg") as image:
        assert image.n_frames == 2
    assert np.abs(read_colour_image(tmp_path / "a.jpg") - np.array([200.0, 100, 50])).max() < 4


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("b.png", "night/a.png", "night/deep/c.png", "night/deep/c.bmp", ".hidden/d.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", (8, 5), 10 * number).save(tmp_path / name)
    return tmp_path


def test_images_in_sub_folders_are_read_and_named_with_the_folder(folder):
    images = read_folder(folder)
    assert [image.name for image in images] == ["b", "night/a", "night/deep/c.bmp", "night/deep/c.png"]
    np.testing.assert_allclose([255 * image.pixels[0, 0] for image in images], [0, 10, 30, 20], atol=1e-4)
    assert images.unreadable == ()


def test_all_unreadable_files_are_named_at_once_or_skipped(folder):
    (folder / "night" / "a.png").write_bytes(b"no image")
    tifffile.imwrite(folder / "z.tif", np.zeros((2, 8, 8), "uint8"), photometric="minisblack")
    with pytest.raises(
        ValueError, match=r"^cannot read 2 of 5 images: night/a\.png \(cannot identify .*\); z\.tif \(expected one"
    ):
        read_folder(folder)
    images = read_folder(folder, skip_unreadable=True)
    assert [image.name for image in images] == ["b", "night/deep/c.bmp", "night/deep/c.png"]
    assert [reason.split(": ")[0] for reason in images.unreadable] == ["night/a.png", "z.tif"]


def test_no_readable_file_is_an_error_even_where_they_are_skipped(tmp_path):
    for number in range(60):
        (tmp_path / f"{number:02d}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"^cannot read 60 of 60 images: 00.png .*; 49.png \(.*\); and 10 more$"):
        read_folder(tmp_path, skip_unreadable=True)


def test_reading_keeps_the_order_of_the_files(folder):
    paths = image_paths(folder)
    reading = read_files(paths[::-1], folder, lambda path: path.name)
    assert reading.images == [path.name for path in paths[::-1]]
    assert reading.paths == paths[::-1]
