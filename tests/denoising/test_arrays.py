"""Images of any dtype and shape, denoised by networks whose output is known."""

import keras
import numpy as np
import pytest
import skimage.util
from keras import layers

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.denoising import denoise, estimate_noise
from tfdrop.denoising.pixel_scale import from_unit_scale, to_unit_scale
from tfdrop.models import DnCNN
from tfdrop.models.trained_for import TrainedFor

DTYPES = ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "float16"]
DTYPES += ["float32", "float64"]


def scaling(channels, factor=0.5, noise_map=False):
    """A model that multiplies every channel by a factor, or by what the map of levels says."""
    if not noise_map:
        inputs = keras.Input((None, None, channels))
        return keras.Model(inputs, layers.Rescaling(factor)(inputs))
    inputs = keras.Input((None, None, channels + 1))
    image, level = keras.ops.split(inputs, [channels], axis=-1)
    return keras.Model(inputs, layers.Multiply()([image, level]))


@pytest.fixture(scope="module")
def grey():
    return DnCNN(depth=3, filters=4, seed=1)


@pytest.fixture(scope="module")
def colour():
    return DnCNN(depth=3, filters=4, channels=3, seed=1)


def random_pixels(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return rng.random(shape) > 0.5 if dtype == "bool" else rng.random(shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scale_is_scikit_images_and_goes_back(dtype):
    pixels = random_pixels(dtype, (40, 30))
    unit = to_unit_scale(pixels)
    np.testing.assert_allclose(unit, skimage.util.img_as_float64(pixels), atol=1e-7)
    exact = np.dtype(dtype).itemsize <= 2 or np.dtype(dtype).kind == "f"
    back = from_unit_scale(unit, pixels.dtype)
    assert back.dtype == pixels.dtype
    if exact:
        np.testing.assert_allclose(
            back.astype("float64"), np.maximum(pixels, -np.inf), atol=1 if dtype[0] == "i" else 1e-7
        )
    else:  # float32 has 24 bits
        np.testing.assert_allclose(back.astype("float64"), pixels.astype("float64"), atol=2e-7 * np.iinfo(dtype).max)


def test_integers_are_clipped_and_rounded_and_floats_are_not():
    pixels = np.array([-0.4, 0.0, 0.5019, 1.0, 1.7], "float32")
    assert from_unit_scale(pixels, np.dtype("uint8")).tolist() == [0, 0, 128, 255, 255]
    assert from_unit_scale(pixels, np.dtype("int8")).tolist() == [-51, 0, 64, 127, 127]
    assert from_unit_scale(pixels, np.dtype("bool")).tolist() == [False, False, True, True, True]
    assert from_unit_scale(pixels, np.dtype("uint64"))[-1] > 2**64 - 2**12
    np.testing.assert_array_equal(from_unit_scale(pixels, np.dtype("float32")), pixels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_as_it_went(dtype):
    image = random_pixels(dtype, (7, 9))
    found = denoise(scaling(1, 1.0), image)
    assert (found.dtype, found.shape) == (image.dtype, image.shape)
    np.testing.assert_allclose(found.astype("float64"), from_unit_scale(to_unit_scale(image), image.dtype))


@pytest.mark.parametrize("shape", [(1, 1), (7, 40), (41, 8), (9, 8, 1), (3, 9, 8, 1)])
def test_grey_images_of_any_shape(grey, shape):
    noisy = noisy_image(np.full(shape, 0.5, "float32"), 25)
    batch = noisy.reshape(-1, *shape[-3:-1], 1) if len(shape) > 2 else noisy[None, ..., None]
    expected = np.asarray(grey(batch, training=False)).reshape(shape)
    np.testing.assert_allclose(denoise(grey, noisy), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 11, 3), (2, 6, 11, 3)])
def test_colour_images(colour, shape):
    image = random_pixels("float64", shape)
    expected = np.asarray(colour(image.reshape(-1, 6, 11, 3).astype("float32"), training=False)).reshape(shape)
    found = denoise(colour, image)
    assert found.dtype == "float64"
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("channels", "shape"), [(1, (6, 5, 2)), (3, (6, 5, 4)), (3, (2, 6, 5, 4))])
def test_alpha_is_unchanged(channels, shape):
    image = random_pixels("uint16", shape)
    found = denoise(scaling(channels), image)
    np.testing.assert_array_equal(found[..., -1], image[..., -1])
    np.testing.assert_allclose(found[..., :-1], image[..., :-1] / 2, atol=0.51)


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5, 4), (2, 6, 5, 3)])
def test_each_channel_by_itself(grey, shape):
    image = random_pixels("float32", shape)
    found = denoise(grey, image, each_channel=True)
    for channel in range(3):
        alone = np.stack([denoise(grey, one[..., channel]) for one in image.reshape(-1, *shape[-3:])])
        np.testing.assert_allclose(found[..., channel].reshape(alone.shape), alone, atol=1e-6)
    if shape[-1] == 4:
        np.testing.assert_array_equal(found[..., 3], image[..., 3])


@pytest.mark.parametrize("shape", [(8, 8, 3), (8, 8, 4), (8,), (0, 5), (1, 2, 8, 8, 1), (8, 8, 5)])
def test_other_channels_are_refused(grey, shape):
    with pytest.raises(ValueError, match="argument `image`"):
        denoise(grey, np.zeros(shape, "float32"))


def test_grey_is_refused_by_a_network_for_colour(colour):
    with pytest.raises(ValueError, match="3 channels, as the model has"):
        denoise(colour, np.zeros((8, 8), "float32"), each_channel=True)


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), complex), np.full((8, 8), np.nan), np.full((8, 8), 120.0), np.array([["a"]])],
    ids=["complex", "nan", "from 0 to 255", "texts"],
)
def test_other_pixels_are_refused(grey, image):
    with pytest.raises(ValueError, match="argument `image`"):
        denoise(grey, image)


def test_a_model_that_is_no_denoiser_is_refused():
    with pytest.raises(ValueError, match="argument `model`"):
        denoise(keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(3, 1)]), np.zeros((8, 8)))


def test_the_noise_level_is_given_as_a_map():
    image = noisy_image(np.full((2, 60, 50, 1), 0.5), 25)
    image[1] = noisy_image(np.full((60, 50, 1), 0.5), 50)
    model = scaling(1, noise_map=True)
    np.testing.assert_allclose(denoise(model, image, sigma=51), 0.2 * image, rtol=1e-5)
    levels = np.random.default_rng(0).uniform(0, 55, (60, 50))
    np.testing.assert_allclose(denoise(model, image, sigma=levels), image * (levels / 255)[..., None], rtol=1e-5)
    estimated = [estimate_noise(one) / 255 for one in image]
    np.testing.assert_allclose(denoise(model, image), image * np.reshape(estimated, (2, 1, 1, 1)), rtol=1e-5)
    with pytest.raises(ValueError, match="a map of the image's shape"):
        denoise(model, image, sigma=levels.T)


@pytest.mark.parametrize("sigma", [-1, "loud", np.nan, np.ones((8, 8))])
def test_impossible_levels_are_refused(grey, sigma):
    with pytest.raises(ValueError, match="argument `sigma`"):
        denoise(grey, np.zeros((8, 8), "float32"), sigma=sigma)


def test_levels_that_the_model_was_not_trained_for():
    model = scaling(1)
    model.trained_for = TrainedFor(20.0, 30.0, 1)
    image = noisy_image(np.full((100, 100), 0.5), 50)
    with pytest.warns(
        UserWarning, match=r"noise estimated at sigma .*, but the model was trained for grey .* 20 to 30"
    ):
        denoise(model, image)
    with pytest.warns(UserWarning, match="sigma 31, but"):
        denoise(model, image, sigma=31)
    with pytest.raises(ValueError, match="sigma 10, but"):
        denoise(model, image, sigma=10, strict=True)
    denoise(model, image, sigma=30, strict=True)
    denoise(model, noisy_image(np.full((100, 100), 0.5), 32), strict=True)  # an estimate may be that of 30
