"""The denoisers that are held beside DnCNN."""

import importlib.util

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_nl_means

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.images.photographs import photographs
from tfdrop.tasks.denoising.rivals import rivals


@pytest.fixture(scope="module")
def image():
    [camera] = photographs(["camera"])
    return camera.pixels[:64, :80]


def test_non_local_means_is_scikit_images(image):
    noisy = noisy_image(image, 25.0)
    expected = denoise_nl_means(noisy, patch_size=5, patch_distance=6, h=0.8 * 25 / 255, sigma=25 / 255, fast_mode=True)
    np.testing.assert_allclose(rivals(25.0)["nl-means"](noisy), expected, atol=1e-6)


def test_bm3d_has_a_column_where_it_is_installed(image):
    installed = importlib.util.find_spec("bm3d") is not None
    assert list(rivals(25.0)) == (["nl-means", "bm3d"] if installed else ["nl-means"])
    if not installed:
        pytest.skip("the package bm3d is not installed")
    noisy = noisy_image(image, 25.0)
    ratios = {
        name: peak_signal_noise_ratio(image, np.clip(denoise(noisy), 0, 1), data_range=1)
        for name, denoise in rivals(25.0).items()
    }
    assert ratios["bm3d"] > ratios["nl-means"] > peak_signal_noise_ratio(image, np.clip(noisy, 0, 1), data_range=1)
