"""A picture file whose pixels change keeps everything else."""

import imagecodecs
import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.PngImagePlugin
import pytest
import tifffile

from tfdrop.data.images.picture_files import read_picture, write_picture


def pixels_of(mode, seed=0):
    rng = np.random.default_rng(seed)
    shape = {"L": (9, 14), "1": (9, 14), "LA": (9, 14, 2), "RGB": (9, 14, 3), "RGBA": (9, 14, 4)}[mode]
    return rng.integers(0, 2, shape).astype(bool) if mode == "1" else rng.integers(0, 256, shape).astype("uint8")


def changed_copy(path, name="out"):
    """Writes a picture again with its pixels upside down; returns the pixels that it should have, and the file."""
    picture = read_picture(path)
    wanted = picture.pixels[::-1]
    write_picture(path.with_name(f"{name}{path.suffix}"), picture, wanted)
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []
    return wanted, path.with_name(f"{name}{path.suffix}")


def exif(orientation=6):
    found = PIL.Image.Exif()
    found[274], found[271] = orientation, "A camera"
    return found


@pytest.mark.parametrize(
    ("extension", "mode"),
    [
        *((extension, mode) for extension in ("png", "tif") for mode in ("1", "L", "LA", "RGB", "RGBA")),
        *(("bmp", mode) for mode in ("1", "L", "RGB")),
    ],
)
def test_lossless_files_of_8_bits(tmp_path, mode, extension):
    path = tmp_path / f"in.{extension}"
    PIL.Image.fromarray(pixels_of(mode)).save(path, dpi=(300, 300))
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.pixels, pixels_of(mode))
    assert picture.channels == len(mode.rstrip("A")) if mode != "1" else 1
    wanted, out = changed_copy(path)
    with PIL.Image.open(path) as before, PIL.Image.open(out) as after:
        assert (after.mode, after.size, after.format) == (before.mode, before.size, before.format)
        assert after.info["dpi"] == pytest.approx(before.info["dpi"])
        np.testing.assert_array_equal(np.asarray(after), wanted)


@pytest.mark.parametrize("shape", [(9, 14), (9, 14, 2), (9, 14, 3), (9, 14, 4)])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_files_of_16_bits(tmp_path, shape, extension):
    pixels = np.random.default_rng(0).integers(0, 65536, shape).astype("uint16")
    path = tmp_path / f"in.{extension}"
    if extension == "png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        alpha = {2: ["unassalpha"], 4: ["unassalpha"]}.get(shape[-1])
        photometric = "rgb" if shape[-1] in (3, 4) else "minisblack"
        tifffile.imwrite(path, pixels, photometric=photometric, extrasamples=alpha, planarconfig="contig")
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)
    assert read_picture(path).channels == (3 if shape[-1] in (3, 4) else 1)
    wanted, out = changed_copy(path)
    read = imagecodecs.png_decode(out.read_bytes()) if extension == "png" else tifffile.imread(out)
    assert read.dtype == "uint16"
    np.testing.assert_array_equal(read.reshape(wanted.shape), wanted)


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_what_a_camera_noted_is_kept_and_pixels_stay_where_they_are(tmp_path, extension):
    path = tmp_path / f"in.{extension}"
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    PIL.Image.fromarray(pixels_of("RGB")).save(path, exif=exif(), icc_profile=profile)
    _, out = changed_copy(path)
    with PIL.Image.open(out) as after:
        # Pillow turns a TIFF, and a TIFF alone, upright by itself.
        assert after.size == ((9, 14) if extension == "tif" else (14, 9))
        assert after.getexif()[274] == 6
        assert after.getexif()[271] == "A camera"
        assert after.info["icc_profile"] == profile


def test_a_jpeg_is_as_fine_as_it_was(tmp_path):
    ramp = np.add.outer(np.arange(64), np.arange(80)).astype("uint8")
    for number, (pixels, arguments) in enumerate(
        [(ramp, {"quality": 30}), (np.stack([ramp] * 3, -1), {"quality": 97, "subsampling": 0})]
    ):
        path = tmp_path / f"{number}.jpg"
        PIL.Image.fromarray(pixels).save(path, **arguments)
        _, out = changed_copy(path, f"out{number}")
        with PIL.Image.open(path) as before, PIL.Image.open(out) as after:
            assert after.quantization == before.quantization
            assert after.mode == before.mode
            if pixels.ndim == 3:
                assert PIL.JpegImagePlugin.get_sampling(after) == PIL.JpegImagePlugin.get_sampling(before)


def test_texts_and_colour_spaces_of_a_png_are_copied_once(tmp_path):
    texts = PIL.PngImagePlugin.PngInfo()
    texts.add_text("Title", "A street")
    texts.add(b"gAMA", (45455).to_bytes(4, "big"))
    PIL.Image.fromarray(pixels_of("L")).save(tmp_path / "in.png", pnginfo=texts)
    _, out = changed_copy(tmp_path / "in.png")
    with PIL.Image.open(out) as after:
        assert after.text == {"Title": "A street"}
        assert after.info["gamma"] == pytest.approx(0.45455)
    assert out.read_bytes().count(b"gAMA") == 1


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_tiff_keeps_its_compression_and_its_notes(tmp_path, compression, byteorder):
    path = tmp_path / "in.tiff"
    pixels = np.random.default_rng(0).random((9, 14, 3)).astype("float32")
    tags = [(274, 3, 1, 8, True), (271, 2, None, "A camera", True)]
    tifffile.imwrite(
        path, pixels, photometric="rgb", compression=compression, byteorder=byteorder, extratags=tags,
        description="A street", resolution=(300, 200), resolutionunit=2, metadata=None,
    )  # fmt: skip
    wanted, out = changed_copy(path)
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        for name in ("Orientation", "Make", "ImageDescription", "XResolution", "YResolution", "ResolutionUnit"):
            assert after.pages[0].tags[name].value == before.pages[0].tags[name].value, name
        assert after.pages[0].compression == before.pages[0].compression
        assert after.byteorder == byteorder
        np.testing.assert_array_equal(after.asarray(), wanted)


def test_planes_become_pixels(tmp_path):
    planes = np.random.default_rng(0).integers(0, 256, (3, 9, 14)).astype("uint8")
    tifffile.imwrite(tmp_path / "in.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_picture(tmp_path / "in.tif").pixels, np.moveaxis(planes, 0, -1))


@pytest.mark.parametrize(
    ("convert", "mode", "note"),
    [
        (lambda image: image.convert("RGB").quantize(16), "RGB", "its palette becomes RGB of 8 bits"),
        (lambda image: image.convert("L").convert("P"), "L", "its palette becomes L of 8 bits"),
        (lambda image: image.quantize(16), "RGBA", "its palette becomes RGBA of 8 bits"),
    ],
)
def test_palettes_become_channels(tmp_path, convert, mode, note):
    image = convert(PIL.Image.fromarray(pixels_of("RGBA")))
    image.save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    assert picture.note == note
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGBA").convert(mode)))
    wanted, out = changed_copy(tmp_path / "in.png")
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(out)), wanted)


def test_a_transparent_colour_becomes_alpha(tmp_path):
    pixels = pixels_of("RGB")
    PIL.Image.fromarray(pixels).save(tmp_path / "in.png", transparency=tuple(map(int, pixels[3, 4])))
    picture = read_picture(tmp_path / "in.png")
    assert picture.note == "its transparent colour becomes an alpha channel"
    assert picture.pixels[3, 4, 3] == 0
    assert (picture.pixels[..., 3] == 255).sum() == 9 * 14 - 1


def test_files_that_are_no_single_picture(tmp_path):
    frames = [PIL.Image.fromarray(pixels_of("L", seed)) for seed in range(2)]
    frames[0].save(tmp_path / "two.tif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "two.png", save_all=True, append_images=frames[1:])
    PIL.Image.new("CMYK", (8, 5)).save(tmp_path / "ink.jpg")
    tifffile.imwrite(tmp_path / "far.tif", np.full((8, 5), 200.0, "float32"))
    PIL.Image.fromarray(pixels_of("RGB")).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:150])
    (tmp_path / "text.jpg").write_text("no picture")
    for name, message in [
        ("two.tif", "expected one image, the file has 2"),
        ("two.png", "expected one image, the file has 2"),
        ("ink.jpg", "expected grey or RGB, with alpha or without; it is CMYK"),
        ("far.tif", r"expected float pixels in \[0, 1\], received 200 to 200"),
        ("cut.png", ""),
        ("text.jpg", "cannot identify"),
        ("none.png", "No such file"),
    ]:
        with pytest.raises(ValueError, match=rf"cannot read image {name}: .*{message}"):
            read_picture(tmp_path / name)


def test_a_file_that_cannot_be_written_loses_nothing(tmp_path):
    PIL.Image.fromarray(pixels_of("L")).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    (tmp_path / "out.png").write_text("precious")

    def full(path, pixels):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_picture(tmp_path / "out.png", picture._replace(write=full), picture.pixels)
    assert (tmp_path / "out.png").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]
