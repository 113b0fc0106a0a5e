import numpy as np
import pytest
from scipy import stats

from tfdrop.data.images.gaussian_noise import noisy_image, noisy_patches


def test_patch_noise_has_the_deviation_and_is_each_patchs_own():
    clean = np.full((200, 20, 20, 1), 0.5, "float32")
    noise = (noisy_patches(clean, sigma=25, seed=3) - clean) * 255
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 4 * 25 / np.sqrt(noise.size)
    assert abs(noise.std() - 25) < 4 * 25 / np.sqrt(2 * noise.size)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2
    np.testing.assert_array_equal(noisy_patches(clean, 25, seed=3), noisy_patches(clean, 25, seed=3))
    assert (noisy_patches(clean, 25, seed=4) != noisy_patches(clean, 25, seed=3)).mean() > 0.99


def test_each_patch_has_a_level_of_its_own_of_a_range():
    clean = np.full((400, 20, 20, 3), 0.5, "float32")
    noisy = noisy_patches(clean, (10, 50), seed=3, noise_map=True)
    levels = 255 * noisy[:, 0, 0, 3]
    np.testing.assert_array_equal(noisy[..., 3:], np.broadcast_to(noisy[:, :1, :1, 3:], (400, 20, 20, 1)))
    found = 255 * (noisy[..., :3] - clean).std((1, 2, 3))
    np.testing.assert_allclose(found, levels, rtol=0.1)
    assert stats.kstest(levels, "uniform", (10, 40)).pvalue > 1e-3
    np.testing.assert_array_equal(noisy[..., :3], noisy_patches(clean, [10, 50], seed=3))
    fixed = noisy_patches(clean, 25, seed=3, noise_map=True)
    np.testing.assert_array_equal(fixed[..., :3], noisy_patches(clean, 25, seed=3))
    np.testing.assert_allclose(fixed[..., 3], 25 / 255, rtol=1e-6)


@pytest.mark.parametrize("sigma", [(5, 3), (1, 2, 3), (-1, 5), (0, np.nan), "loud"])
def test_impossible_ranges_are_refused(sigma):
    with pytest.raises(ValueError, match="argument `sigma`"):
        noisy_patches(np.zeros((2, 3, 3, 1), "float32"), sigma)


def test_image_noise_is_the_dncnn_authors_and_not_clipped():
    clean = np.ones((5, 7), "float32")
    expected = clean + np.random.RandomState(0).normal(0, 25 / 255.0, clean.shape)
    noisy = noisy_image(clean, 25)
    np.testing.assert_array_equal(noisy, expected.astype("float32"))
    assert noisy.max() > 1


@pytest.mark.parametrize("add", [noisy_patches, noisy_image])
def test_pixels_of_bytes_and_negative_sigmas_are_refused(add):
    with pytest.raises(ValueError, match=r"`clean`. Expected float pixels in \[0, 1\]. Received: an array of uint8"):
        add(np.full((3, 3), 128, "uint8"), 25)
    with pytest.raises(ValueError, match="`sigma`"):
        add(np.zeros((3, 3)), -1)
