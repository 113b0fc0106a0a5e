"""A whole run in colour, for a range of levels that the network is told as a map."""

import json

import keras
import numpy as np
import pytest
from skimage.io import imsave
from skimage.metrics import peak_signal_noise_ratio

from tfdrop.errors import UserError
from tfdrop.models.dncnn_weights import Topology, noted_training, saved_topology
from tfdrop.models.trained_for import TrainedFor
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.run import run
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.training import training_pairs, validation_pairs
from tfdrop.tasks.workdir import Workdir


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The settings, the data and the folder of a finished run."""
    folder = tmp_path_factory.mktemp("colour")
    (folder / "images").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (30, 34 + number, 3)).astype("uint8")
        imsave(folder / "images" / f"{number}.png", pixels, check_contrast=False)
    images = dict.fromkeys(("train_dir", "validation_dir", "test_dir"), str(folder / "images"))
    size = {"patches_per_image": 8, "epochs": 2, "depth": 3, "filters": 4, "rounds": 1}
    settings = DenoiseSettings(
        **images, **size, channels=3, sigma="0,55", test_sigma=30.0, noise_map=True, redraw_noise=True
    )
    data = read_data(settings)
    run(settings, data, Workdir(folder / "run", settings, {"images": data.fingerprint()}))
    return settings, data, folder / "run"


def test_the_network_is_for_what_was_asked(finished):
    _, _, folder = finished
    assert saved_topology(folder / "round1.keras") == Topology(3, 4, 3, noise_map=True)
    assert noted_training(folder / "round1.keras") == TrainedFor(0.0, 55.0, 3)
    assert json.loads((folder / "settings.json").read_text())["sigma"] == [0.0, 55.0]


def test_the_scores_are_those_of_the_network_told_the_level(finished):
    _, data, folder = finished
    model = keras.saving.load_model(folder / "round1.keras")
    for entry, image in zip(json.loads((folder / "result.json").read_text())["images"], data.test, strict=True):
        noisy = image.pixels + np.random.RandomState(0).normal(0, 30 / 255, image.pixels.shape)
        told = np.concatenate([noisy, np.full_like(noisy[..., :1], 30 / 255)], axis=-1).astype("float32")
        denoised = np.round(np.clip(np.asarray(model(told[None]))[0], 0, 1) * 255) / 255
        expected = peak_signal_noise_ratio(image.pixels.astype("float64"), denoised, data_range=1)
        assert entry["scores"]["round 1"]["psnr"] == pytest.approx(expected, abs=0.01)
        assert (folder / f"comparison_{entry['name']}.png").exists()


def test_the_same_flags_go_on_with_the_run(finished):
    settings, data, folder = finished
    Workdir(folder, settings, {"images": data.fingerprint()})
    other = DenoiseSettings(**vars(settings) | {"sigma": [0.0, 50.0]})
    with pytest.raises(UserError, match=r"sigma is \[0.0, 55.0\] there, \[0.0, 50.0\] here"):
        Workdir(folder, other, {"images": data.fingerprint()})


def test_pairs_have_the_map_and_the_colours(finished):
    settings, data, _ = finished
    noisy, clean = training_pairs(settings, data)
    assert (noisy.shape, clean.shape) == ((16, 24, 24, 4), (16, 24, 24, 3))
    assert len(np.unique(noisy[..., 3])) == 16
    for noisy, clean in validation_pairs(settings, data):
        np.testing.assert_allclose(noisy[..., 3], 30 / 255, rtol=1e-6)
        assert (noisy[..., :3] - clean).std() == pytest.approx(30 / 255, rel=0.05)


@pytest.mark.parametrize(("sigma", "test_sigma", "measured"), [(15, 0, 15), ([0, 50], 0, 25), ("10,20", 40, 40)])
def test_what_noise_is_measured_at(sigma, test_sigma, measured):
    assert DenoiseSettings(sigma=sigma, test_sigma=test_sigma).measured_sigma == measured
