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


def reference_ssim(first, second):
    """Wang et al. 2004 with a uniform 7x7 window and sample covariances, written out; the mean over whole windows."""
    windows = [np.lib.stride_tricks.sliding_window_view(image, (7, 7)).reshape(-1, 49) for image in (first, second)]
    (mean_1, mean_2), (var_1, var_2) = ([f(w, 1) for w in windows] for f in (np.mean, lambda w, a: w.var(a, ddof=1)))
    covariance = ((windows[0] - mean_1[:, None]) * (windows[1] - mean_2[:, None])).sum(1) / 48
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return np.mean(luminance * (2 * covariance + c2) / (var_1 + var_2 + c2))


@pytest.mark.parametrize("shape", [(7, 7), (7, 40), (31, 43), (20, 9, 3), (20, 9, 1)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_odd_shapes_and_precisions_against_the_formulas(shape, dtype):
    rng = np.random.default_rng(0)
    clean = rng.random(shape).astype(dtype)
    image = (clean + rng.normal(0, 0.2, shape)).astype(dtype)
    rated = np.round(np.clip(image.astype("float64"), 0, 1) * 255) / 255
    error = np.mean((clean.astype("float64") - rated) ** 2)
    assert metrics.psnr(clean, image) == pytest.approx(-10 * np.log10(error), abs=1e-9)
    planes = [(clean, rated)] if len(shape) == 2 else [(clean[..., c], rated[..., c]) for c in range(shape[2])]
    expected = np.mean([reference_ssim(first.astype("float64"), second) for first, second in planes])
    assert metrics.ssim(clean, image) == pytest.approx(expected, abs=1e-9)


def test_equal_images():
    image = np.random.default_rng(0).random((9, 9))
    assert metrics.psnr(image, image, "float") == float("inf")
    assert metrics.ssim(image, image, "float") == 1


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.ssim])
@pytest.mark.parametrize(
    ("clean", "image", "message"),
    [
        (np.zeros((8, 8), "uint8"), np.zeros((8, 8)), "`clean`. Expected float pixels.* Received: an array of uint8"),
        (np.zeros((8, 8)), np.zeros((8, 8), "int64"), "`image`. Expected float pixels.* Received: an array of int64"),
        (np.full((8, 8), 200.0), np.zeros((8, 8)), r"`clean`. Expected pixels in \[0, 1\]. Received: pixels from 200"),
        (np.full((8, 8), np.nan), np.zeros((8, 8)), r"`clean`. Expected pixels in \[0, 1\]"),
        (np.zeros((8, 8)), np.zeros((8, 9)), r"`image`. Expected .* \(8, 8\). Received: shape \(8, 9\)"),
        (np.zeros((8, 8)), np.zeros((8, 1)), r"`image`. Expected .* \(8, 8\). Received: shape \(8, 1\)"),
        (np.zeros(64), np.zeros(64), r"`clean`. Expected an image of shape"),
        (np.zeros((0, 8)), np.zeros((0, 8)), r"`clean`. Expected an image of shape"),
    ],
)
def test_what_would_give_a_wrong_number_is_refused(measure, clean, image, message):
    with pytest.raises(ValueError, match=message):
        measure(clean, image)


def test_images_smaller_than_the_window_have_no_ssim():
    with pytest.raises(ValueError, match="at least 7 pixels high and wide"):
        metrics.ssim(np.zeros((6, 9)), np.zeros((6, 9)))
