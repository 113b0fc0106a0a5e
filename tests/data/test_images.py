import gc

import numpy as np
import PIL.Image
import pytest
import skimage.io
import tifffile
from skimage import data

from tfdrop.data.images.grey import read_folder, read_image, to_grey


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(0, 256, (9, 13), dtype="uint8")


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "TIFF"])
def test_lossless_formats_read_to_the_bit(tmp_path, grey, extension):
    skimage.io.imsave(tmp_path / f"a.{extension}", grey, check_contrast=False)
    [image] = read_folder(tmp_path)
    assert image.name == "a"
    assert image.pixels.dtype == np.float32
    np.testing.assert_array_equal(image.pixels, grey / np.float32(255))


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA", "LA", "1"])
@pytest.mark.parametrize("extension", ["tif", "png", "jpg"])
def test_other_modes_are_what_pillow_shows(tmp_path, mode, extension):
    picture = PIL.Image.fromarray(data.astronaut()[:60, :50]).convert(mode)
    try:
        picture.save(tmp_path / f"a.{extension}")
    except OSError:
        pytest.skip(f"no {mode} in {extension}")
    shown = np.asarray(PIL.Image.open(tmp_path / f"a.{extension}").convert("RGB")) / 255
    expected = shown @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(read_image(tmp_path / f"a.{extension}").pixels, expected, atol=1e-6)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(tmp_path, grey, compression):
    PIL.Image.fromarray(grey).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, grey / np.float32(255))


def test_16_bit_colour_tiff(tmp_path):
    colour = np.random.default_rng(0).integers(0, 65536, (9, 13, 3), dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    expected = (colour / 65535) @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels, expected, atol=1e-6)


def test_white_is_zero_tiff(tmp_path, grey):
    tifffile.imwrite(tmp_path / "a.tif", 255 - grey, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, grey / np.float32(255))


def test_several_pages_and_signed_pixels_are_refused(tmp_path, grey):
    tifffile.imwrite(tmp_path / "pages.tif", np.stack([grey] * 3), photometric="minisblack")
    tifffile.imwrite(tmp_path / "signed.tif", grey.astype("int32"))
    PIL.Image.fromarray(grey).save(
        tmp_path / "frames.png", save_all=True, append_images=[PIL.Image.fromarray(grey + 1)]
    )
    for name in ("pages.tif", "signed.tif", "frames.png"):
        with pytest.raises(ValueError, match=f"cannot read image {name}: expected"):
            read_image(tmp_path / name)


def test_files_of_one_stem_keep_their_extensions(tmp_path, grey):
    for name in ("a.png", "a.bmp", "b.png"):
        skimage.io.imsave(tmp_path / name, grey, check_contrast=False)
    assert [image.name for image in read_folder(tmp_path)] == ["a.bmp", "a.png", "b"]


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_16_bits_keep_their_precision(tmp_path, extension):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 13), dtype="uint16")
    if extension == "png":
        PIL.Image.fromarray(deep).save(tmp_path / "a.png")
    else:
        tifffile.imwrite(tmp_path / "a.tif", deep)
    np.testing.assert_allclose(read_image(tmp_path / f"a.{extension}").pixels, deep / 65535, atol=1e-7)


def test_jpeg(tmp_path):
    skimage.io.imsave(tmp_path / "a.jpg", data.camera())
    assert np.abs(read_image(tmp_path / "a.jpg").pixels - data.camera() / 255).mean() < 0.02


def test_colour_and_alpha_turn_grey():
    colour = data.astronaut()
    expected = (colour / 255) @ [0.2125, 0.7154, 0.0721]
    np.testing.assert_allclose(to_grey(colour), expected, atol=1e-6)
    alpha = np.full((*colour.shape[:2], 1), 9, "uint8")
    np.testing.assert_array_equal(to_grey(np.concatenate([colour, alpha], -1)), to_grey(colour))
    grey = colour[..., 0]
    np.testing.assert_array_equal(to_grey(np.stack([grey, grey // 2], -1)), grey / np.float32(255))
    np.testing.assert_array_equal(to_grey(grey[..., None]), grey / np.float32(255))


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 4, 5)), np.zeros(5), np.zeros((0, 3)), np.zeros((4, 5, 6))])
def test_what_is_no_image(bad):
    with pytest.raises(ValueError, match="expected one grey or colour image"):
        to_grey(bad)


@pytest.mark.parametrize("bad", [np.full((4, 4), 1.5), np.full((4, 4), -0.1), np.full((4, 4), np.nan)])
def test_float_pixels_outside_the_range(bad):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        to_grey(bad)


def test_folder_is_read_in_the_order_of_names(tmp_path, grey):
    for name in ("b.png", "a.bmp", "c.PNG"):
        skimage.io.imsave(tmp_path / name, grey, check_contrast=False)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image either")
    assert [image.name for image in read_folder(tmp_path)] == ["a", "b", "c"]


# imageio leaves the file of an image that it cannot read to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif"])
@pytest.mark.parametrize("left", [0.0, 0.02, 0.6])
def test_truncated_files_are_named(tmp_path, name, left):
    skimage.io.imsave(tmp_path / name, data.camera())
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(ValueError, match=rf"cannot read image {name}"):
        read_folder(tmp_path)
    gc.collect()
