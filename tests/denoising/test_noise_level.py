"""Estimated noise, and denoising without a network."""

import numpy as np
import pytest
import skimage.data
from skimage.restoration import denoise_nl_means, denoise_wavelet, estimate_sigma

from tfdrop import metrics
from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.images.photographs import photographs
from tfdrop.denoising import denoise_classically, estimate_noise


@pytest.fixture(scope="module")
def camera():
    [image] = photographs(["camera"])
    return image.pixels[100:300, 150:330]


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_known_noise_is_estimated(camera, sigma):
    assert estimate_noise(noisy_image(camera, sigma)) == pytest.approx(sigma, rel=0.1, abs=2)


def test_the_dtype_does_not_matter():
    image = skimage.data.astronaut()[:200, :200]
    assert estimate_noise(image) == pytest.approx(estimate_noise(image / 255), rel=1e-4)
    assert estimate_noise(image.astype("uint16") * 257) == pytest.approx(estimate_noise(image), rel=1e-4)


def test_a_large_image_is_looked_at_in_blocks(monkeypatch):
    sigmas = (5, 9, 30, 40)
    image = np.concatenate([noisy_image(np.full((50, 64), 0.5), sigma) for sigma in sigmas])
    monkeypatch.setattr("tfdrop.denoising.noise_level.LARGEST", 64)
    blocks = [255 * estimate_sigma(block) for block in np.split(image, 4)]
    assert estimate_noise(image) == pytest.approx(np.median(blocks), rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (40, 50), (40, 50, 3)])
def test_an_image_without_detail_has_no_noise(shape):
    assert estimate_noise(np.full(shape, 100, "uint8")) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((0, 5)), np.zeros((2, 3, 4, 5)), np.zeros((4, 4), complex)])
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(ValueError, match="argument `image`"):
        estimate_noise(bad)


@pytest.mark.parametrize("method", ["nl-means", "wavelet"])
def test_classical_methods_denoise(camera, method):
    noisy = noisy_image(camera, 25)
    gain = metrics.psnr(camera, denoise_classically(noisy, 25, method)) - metrics.psnr(camera, noisy)
    assert gain > 5


def test_classical_methods_are_scikit_images():
    image = skimage.data.astronaut()[:48, :40] / 255
    noisy = noisy_image(image, 25)
    means = denoise_nl_means(
        noisy, patch_size=5, patch_distance=6, h=0.8 * 25 / 255, sigma=25 / 255, fast_mode=True, channel_axis=-1
    )
    np.testing.assert_allclose(denoise_classically(noisy, 25), means, atol=1e-6)
    wavelets = denoise_wavelet(noisy, 25 / 255, channel_axis=-1, convert2ycbcr=True, rescale_sigma=True)
    np.testing.assert_allclose(denoise_classically(noisy, 25, "wavelet"), wavelets, atol=1e-6)
    np.testing.assert_array_equal(denoise_classically(noisy, 0), noisy)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"noisy": np.zeros((8, 8), "uint8")}, "noisy"),
        ({"noisy": np.zeros(8, "float32")}, "noisy"),
        ({"sigma": -1}, "sigma"),
        ({"method": "magic"}, "method"),
    ],
)
def test_bad_arguments(change, name):
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        denoise_classically(**({"noisy": np.zeros((8, 8), "float32"), "sigma": 25} | change))
