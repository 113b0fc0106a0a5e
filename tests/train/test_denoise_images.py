"""The program that denoises pictures: what it writes, what it says, and what it refuses."""

import imagecodecs
import numpy as np
import PIL.Image
import pytest
from programs import run_many
from safetensors.numpy import save_file

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.images.photographs import photographs
from tfdrop.denoising import denoise, denoise_classically, estimate_noise
from tfdrop.errors import UserError
from tfdrop.models import DnCNN
from tfdrop.models.trained_for import TrainedFor, note_trained_for
from tfdrop.tasks.denoising.denoised_pictures import denoise_pictures
from tfdrop.tasks.denoising.pictures import PictureSettings, level_warnings, plan


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with weights for grey images, which note sigma 25, and for colour ones, which note nothing."""
    folder = tmp_path_factory.mktemp("models")
    grey = DnCNN(depth=3, filters=4, seed=1)
    grey.save(folder / "grey.keras")
    note_trained_for(folder / "grey.keras", TrainedFor(25.0, 25.0, 1))
    colour = DnCNN(depth=3, filters=4, channels=3, seed=1)
    colour.save(folder / "colour.keras")
    return {"folder": folder, "grey": grey, "colour": colour}


@pytest.fixture
def noisy():
    """A grey picture of 8 bits with noise of sigma 25."""
    [camera] = photographs(["camera"])
    pixels = noisy_image(camera.pixels[100:260, 100:240], 25)
    return np.round(np.clip(pixels, 0, 1) * 255).astype("uint8")


def settings_of(models, folder, weights="grey.keras", **more):
    given = {"images": str(folder / "in"), "weights": str(models["folder"] / weights), "out": str(folder / "out")}
    return PictureSettings(**(given | more))


def run(settings):
    planned = plan(settings)
    denoise_pictures(settings, planned)
    return planned


def test_every_picture_is_written_as_it_was(tmp_path, models, noisy, capsys):
    """Sub-folders, 8 and 16 bits, alpha and EXIF."""
    (tmp_path / "in" / "night").mkdir(parents=True)
    exif = PIL.Image.Exif()
    exif[274] = 6
    PIL.Image.fromarray(noisy).save(tmp_path / "in" / "a.jpg", exif=exif, quality=95)
    deep = noisy.astype("uint16") * 257
    (tmp_path / "in" / "night" / "b.png").write_bytes(imagecodecs.png_encode(deep))
    PIL.Image.fromarray(np.stack([noisy, noisy[::-1]], -1)).save(tmp_path / "in" / "c.png")
    run(settings_of(models, tmp_path))
    out = tmp_path / "out"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == ["a.jpg", "c.png", "night/b.png"]
    with PIL.Image.open(out / "a.jpg") as image:
        assert image.getexif()[274] == 6
        assert (image.mode, image.size) == ("L", noisy.shape[::-1])
    written = imagecodecs.png_decode((out / "night" / "b.png").read_bytes())
    np.testing.assert_array_equal(written.reshape(deep.shape), denoise(models["grey"], deep))
    grey, alpha = np.moveaxis(np.asarray(PIL.Image.open(out / "c.png")), -1, 0)
    np.testing.assert_array_equal(grey, denoise(models["grey"], noisy))
    np.testing.assert_array_equal(alpha, noisy[::-1])
    assert "Denoising: 3/3 tiles" in capsys.readouterr().out


def test_colour_by_weights_for_colour_or_channel_by_channel(tmp_path, models, noisy):
    (tmp_path / "in").mkdir()
    pixels = np.stack([noisy, noisy[::-1], noisy[:, ::-1]], -1)
    PIL.Image.fromarray(pixels).save(tmp_path / "in" / "a.png")
    run(settings_of(models, tmp_path, "colour.keras"))
    expected = denoise(models["colour"], pixels)
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "a.png")), expected)
    with pytest.raises(UserError, match=r"for grey images, but a.png is colour; --each_channel"):
        plan(settings_of(models, tmp_path, overwrite=True))
    run(settings_of(models, tmp_path, overwrite=True, each_channel=True))
    expected = denoise(models["grey"], pixels, each_channel=True)
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "a.png")), expected)


def test_a_classical_result_beside(tmp_path, models, noisy):
    (tmp_path / "in").mkdir()
    PIL.Image.fromarray(np.stack([noisy, noisy[::-1]], -1)).save(tmp_path / "in" / "a.png")
    [job] = run(settings_of(models, tmp_path, classical="wavelet")).jobs
    assert job.sigma == pytest.approx(estimate_noise(noisy))
    found = np.asarray(PIL.Image.open(tmp_path / "out" / "a_wavelet.png"))
    expected = denoise_classically((noisy / 255).astype("float32"), job.sigma, "wavelet")
    np.testing.assert_array_equal(found[..., 0], np.rint(np.clip(expected, 0, 1) * 255))
    np.testing.assert_array_equal(found[..., 1], noisy[::-1])


def test_noise_that_the_weights_were_not_trained_for(tmp_path, models, noisy):
    (tmp_path / "in").mkdir()
    PIL.Image.fromarray(noisy).save(tmp_path / "in" / "a.png")
    PIL.Image.fromarray((noisy.astype(int) // 8 + 100).astype("uint8")).save(tmp_path / "in" / "b.png")
    settings = settings_of(models, tmp_path)
    planned = plan(settings)
    [warning] = level_warnings(settings, planned.trained, planned.jobs)
    assert warning.startswith("b.png: noise estimated at sigma")
    assert warning.endswith("was trained for grey images, sigma 25")
    with pytest.raises(UserError, match=r"--strict: b.png: noise estimated"):
        plan(settings_of(models, tmp_path, strict=True))
    with pytest.raises(UserError, match=r"--strict: a.png: sigma 26, but .* \(and 1 more\)"):
        plan(settings_of(models, tmp_path, strict=True, sigma="26"))
    assert plan(settings_of(models, tmp_path, strict=True, sigma="25")).jobs[0].sigma == 25


@pytest.mark.parametrize(("said", "levels"), [("50", (50, 50)), ("0,55", (0, 55))])
def test_weights_that_do_not_say_what_they_were_trained_for(tmp_path, models, noisy, said, levels):
    PIL.Image.fromarray(noisy).save(tmp_path / "in.png")
    models["grey"].save(tmp_path / "grey.h5")
    given = {"images": str(tmp_path / "in.png"), "weights": str(tmp_path / "grey.h5"), "out": str(tmp_path / "out")}
    assert plan(PictureSettings(**given)).trained is None
    settings = PictureSettings(**given, trained_sigma=said)
    planned = plan(settings)
    assert planned.trained == TrainedFor(*levels, 1)
    assert len(level_warnings(settings, planned.trained, planned.jobs)) == (levels == (50, 50))


def test_a_disk_that_is_full_in_the_middle(tmp_path, models, noisy, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        PIL.Image.fromarray(noisy).save(tmp_path / "in" / name)
        (tmp_path / "out" / name).write_text("precious")
    settings = settings_of(models, tmp_path, overwrite=True)
    planned = plan(settings)
    real, written = imagecodecs.png_encode, []

    def encode(pixels):
        written.append(1)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return real(pixels)

    monkeypatch.setattr("tfdrop.data.images.picture_files.imagecodecs.png_encode", encode)
    with pytest.raises(UserError, match=r"--out=.*No space left on device"):
        denoise_pictures(settings, planned)
    assert (tmp_path / "out" / "b.png").read_text() == "precious"
    np.testing.assert_array_equal(
        np.asarray(PIL.Image.open(tmp_path / "out" / "a.png")), denoise(models["grey"], noisy)
    )
    assert len(list((tmp_path / "out").iterdir())) == 2


REFUSED = [
    ([], "--images: expected a folder"),
    (["--images=in"], "--weights: expected a file"),
    (["--images=in", "--weights=grey.keras"], "--out: expected a folder"),
    (["--images=none"], "--images=none: no such file or folder"),
    (["--images=empty"], "--images=empty: the folder has no images (.png, "),
    (["--images=broken"], "--images=broken: cannot read image a.png: "),
    (["--images=broken/a.png"], "--images=broken/a.png: cannot read image a.png: "),
    (["--weights=none.keras"], "--weights=none.keras: no such file"),
    (["--weights=in/a.png"], "--weights=in/a.png: expected a file ending in .keras, .h5, .hdf5 or .safetensors"),
    (["--weights=other.safetensors"], "--weights=other.safetensors: the file holds another network: it has net.weight"),
    (["--weights=colour.keras"], "--weights=colour.keras: for colour images, but a.png is grey"),
    (["--out=in"], "--out=in: the folder of --images, or inside it"),
    (["--out=in/denoised"], "--out=in/denoised: the folder of --images, or inside it"),
    (["--images=in/a.png", "--out=in", "--overwrite"], "--out=in: in/a.png is one of --images"),
    (["--out=grey.keras"], "--out=grey.keras: no folder"),
    (["--out=grey.keras/out"], "--out=grey.keras/out: "),
    (["--out=there"], "--out=there: there/a.png exists; --overwrite replaces"),
    (["--sigma=loud"], "--sigma=loud: expected a number from 0 to 255, or auto"),
    (["--sigma=-1"], "--sigma=-1: expected a number from 0 to 255, or auto"),
    (["--sigma=nan"], "--sigma=nan: expected a number from 0 to 255, or auto"),
    (
        ["--sigma=5", "--strict"],
        "--strict: a.png: sigma 5, but --weights=grey.keras was trained for grey images, sigma 25",
    ),
    (["--weights=grey.h5", "--trained_sigma=x"], "--trained_sigma=x: could not convert string to float: 'x'"),
    (["--weights=grey.h5", "--trained_sigma=5,3"], "--trained_sigma=5,3: Invalid value received for argument"),
    (["--classical=magic"], "--classical=magic: expected one of nl-means, wavelet"),
    (
        ["--images=twice", "--classical=wavelet"],
        "--classical=wavelet: a_wavelet.png is the name of another picture, too",
    ),
    (["--no_such_flag"], "no_such_flag"),
]
PRELOADED = ["tfdrop.tasks.denoising.pictures", "absl.app", "pywt", "skimage.restoration._denoise"]
USUAL = ["--images=in", "--weights=grey.keras", "--out=out"]


def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, models, noisy):
    for name in ("in/a", "there/a", "broken/a", "twice/a", "twice/a_wavelet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(noisy).save(tmp_path / f"{name}.png")
    (tmp_path / "empty").mkdir()
    whole = (tmp_path / "broken" / "a.png").read_bytes()
    (tmp_path / "broken" / "a.png").write_bytes(whole[: len(whole) // 2])
    save_file({"net.weight": np.zeros(3, "float32")}, tmp_path / "other.safetensors")
    models["grey"].save(tmp_path / "grey.h5")
    for name in ("grey.keras", "colour.keras"):
        (tmp_path / name).write_bytes((models["folder"] / name).read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    flags = [given if index < 3 else [*USUAL, *given] for index, (given, _) in enumerate(REFUSED)]
    flags += [["--helpshort"]]
    *found, (_, help_text, _) = run_many("train.denoise_images", flags, tmp_path, PRELOADED)
    for (status, _, err), (given, message) in zip(found, REFUSED, strict=True):
        assert status == 2, (given, err)
        [line] = err.splitlines()
        assert line.startswith("error: "), line
        assert message in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "out").exists()
    for flag in ("--images", "--weights", "--out", "--sigma", "--classical", "--[no]strict", "--[no]overwrite"):
        assert flag in help_text
    ok = run_many("train.denoise_images", [[*USUAL, "--sigma=30"]], tmp_path)
    [(status, out, err)] = ok
    assert status == 0, err
    assert "Weights: DnCNN of 3 layers and 4 maps; trained for: grey images, sigma 25" in out
    assert "Everything is in out" in out
    assert "warning: a.png: sigma 30, but --weights=grey.keras was trained for grey images, sigma 25" in err
    np.testing.assert_array_equal(
        np.asarray(PIL.Image.open(tmp_path / "out" / "a.png")), denoise(models["grey"], noisy)
    )
