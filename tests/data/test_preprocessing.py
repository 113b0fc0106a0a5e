import numpy as np
import pytest
import scipy.linalg
from sklearn.preprocessing import StandardScaler

from tfdrop.data.preprocessing.standardization import CHUNK, Standardization, fit_channels, fit_pixel_mean
from tfdrop.data.preprocessing.whitening import fit_whitening


def images(samples, shape, seed=0):
    """uint8 images whose neighbouring pixels resemble each other."""
    rng = np.random.default_rng(seed)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 8, (samples, *shape)), 1), 2)
    return np.clip(128 + 30 * rng.normal(size=shape[-1]) + smooth, 0, 255).astype("uint8")


def test_channels_get_mean_zero_and_deviation_one():
    x = images(CHUNK + 500, (4, 5, 3))
    standardized = fit_channels(x)(x)
    assert standardized.dtype == np.float32
    expected = StandardScaler().fit_transform(x.reshape(-1, 3).astype("float64")).reshape(x.shape)
    np.testing.assert_allclose(standardized, expected, atol=1e-5)


def test_a_constant_channel_becomes_zero():
    x = images(20, (4, 5, 2))
    x[..., 1] = 77
    assert (fit_channels(x)(x)[..., 1] == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 77.3])
def test_what_differs_from_a_constant_channel_is_not_blown_up(value):
    """The mean of many equal floats is not quite their value; that difference is no deviation."""
    x = np.full((CHUNK + 10, 7, 5, 1), value, "float32")
    standardized = fit_channels(x)(x + 1)
    np.testing.assert_allclose(standardized, 1, atol=1e-4)


def test_double_precision_and_bytes_become_float32():
    x = images(30, (4, 5, 3))
    for standardization in (fit_channels(x), fit_pixel_mean(x)):
        for dtype in ("uint8", "float32", "float64"):
            assert standardization(x.astype(dtype)).dtype == np.float32
        np.testing.assert_array_equal(standardization(x), standardization(x.astype("float64")).astype("float32"))


def test_channels_against_an_independent_reference():
    x = images(CHUNK + 500, (4, 5, 3))
    fitted = fit_channels(x)
    scaler = StandardScaler().fit(x.reshape(-1, 3).astype("float64"))
    np.testing.assert_allclose(fitted.mean, scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(fitted.deviation, scaler.scale_, rtol=1e-6)


def test_images_are_not_changed_in_place():
    x = images(30, (4, 5, 3)).astype("float32")
    before = x.copy()
    fit_channels(x)(x)
    fit_whitening(x)(x)
    np.testing.assert_array_equal(x, before)


def test_images_of_another_size_are_not_whitened():
    whitening = fit_whitening(images(50, (4, 4, 1)))
    with pytest.raises(ValueError, match=r"images of 16 numbers.*shape \(5, 4, 4, 3\)"):
        whitening(images(5, (4, 4, 3)))


@pytest.mark.parametrize("fit", [fit_channels, fit_pixel_mean, fit_whitening])
def test_no_images_at_all(fit):
    with pytest.raises(ValueError, match=r"argument `images`.+ at least one image"):
        fit(np.zeros((0, 4, 5, 3), "uint8"))


def test_the_pixel_mean_is_that_of_all_batches():
    x = images(50, (4, 5, 3))
    for given in (x, [x[:7], x[7:40].astype("float32"), x[40:]]):
        standardization = fit_pixel_mean(given)
        np.testing.assert_allclose(standardization.mean, x.mean(0), rtol=1e-6)
        np.testing.assert_allclose(standardization(x), x - x.mean(0), atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 5, 3), (6, 6, 1)])
def test_whitening_is_the_inverse_root_of_the_covariance(shape):
    x = images(600, shape)
    x[3] = 90  # a flat image
    whitening = fit_whitening(x, bias=0.1)
    rows = x.reshape(len(x), -1).astype("float64")
    rows -= rows.mean(1, keepdims=True)
    deviations = rows.std(1, keepdims=True)
    rows /= np.where(deviations == 0, 1, deviations)
    covariance = np.cov(rows.T, bias=True)
    root = scipy.linalg.sqrtm(np.linalg.inv(covariance + 0.1 * np.eye(len(covariance)))).real
    expected = (rows - rows.mean(0)) @ root
    whitened = whitening(x)
    assert whitened.shape == x.shape
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(whitened.reshape(len(x), -1), expected, atol=1e-3)
    # What it does not see in fitting is transformed by the same numbers.
    np.testing.assert_allclose(whitening(x[5:9]), whitened[5:9], atol=1e-5)


def test_without_bias_worth_speaking_of_the_numbers_are_uncorrelated():
    x = np.random.default_rng(0).integers(0, 256, (4000, 3, 3, 1), dtype="uint8")
    covariance = np.cov(fit_whitening(x, bias=1e-9)(x).reshape(4000, -1).T, bias=True)
    # One direction less than numbers, as each image's mean is gone.
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(covariance))[1:], 1, atol=1e-3)


def test_bias_is_positive():
    with pytest.raises(ValueError, match="`bias`"):
        fit_whitening(images(5, (2, 2, 1)), bias=0)


def test_fitted_arrays_can_be_saved(tmp_path):
    x = images(20, (4, 5, 3))
    standardization = fit_channels(x)
    np.savez(tmp_path / "a.npz", **standardization._asdict())
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(Standardization(**arrays)(x), standardization(x))
