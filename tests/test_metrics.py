import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfdrop import metrics


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 256, (31, 43)) / 255
    return clean, clean + rng.normal(0, 0.2, clean.shape)


def test_psnr_uint8_is_scikit_images_on_the_8_bit_files(pair):
    clean, image = pair
    saved = np.clip(np.round(image * 255), 0, 255).astype("uint8")
    expected = peak_signal_noise_ratio((clean * 255).round().astype("uint8"), saved)
    assert metrics.psnr(clean, image) == pytest.approx(expected, abs=1e-9)


def test_psnr_float_does_not_clip(pair):
    clean, image = pair
    expected = 10 * np.log10(1 / np.mean((clean - image) ** 2))
    assert metrics.psnr(clean, image, "float") == pytest.approx(expected, abs=1e-9)
    assert metrics.psnr(clean, image, "float") < metrics.psnr(clean, image) - 0.5


def test_ssim_is_scikit_images(pair):
    clean, image = pair
    rounded = np.round(np.clip(image, 0, 1) * 255) / 255
    assert metrics.ssim(clean, image) == structural_similarity(clean, rounded, data_range=1)


def test_unknown_protocol():
    with pytest.raises(ValueError, match=r"argument `protocol`.*Received: protocol='uint16'"):
        metrics.psnr(np.zeros((8, 8)), np.zeros((8, 8)), "uint16")
