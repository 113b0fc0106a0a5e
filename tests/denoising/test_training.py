import keras
import numpy as np
import pytest

from tfdrop import denoising, metrics
from tfdrop.data.images.gaussian_noise import noisy_image, noisy_patches
from tfdrop.data.images.patches import draw_patches
from tfdrop.data.images.photographs import photographs
from tfdrop.models import DnCNN


def fit(denoiser, noisy, clean, **arguments):
    """Trains to the end; returns the losses of all steps."""
    return np.concatenate(list(denoising.denoiser_training(denoiser, noisy, clean, **arguments).dispatches()))


@pytest.fixture(scope="module")
def patches():
    clean = draw_patches(photographs(["astronaut", "stereo_motorcycle", "gravel"]), 24, 800).pixels
    return noisy_patches(clean, 25), clean


def test_some_seconds_of_training_beat_the_noisy_input_by_5_db(patches):
    keras.utils.set_random_seed(0)
    model = DnCNN(depth=3, filters=16)
    fit(model, *patches, epochs=3, batch_size=8, learning_rate=3e-3, learning_rate_drops=(2,))
    [image] = photographs(["chelsea"])
    noisy = noisy_image(image.pixels, 25)
    gain = metrics.psnr(image.pixels, denoising.denoise(model, noisy)) - metrics.psnr(image.pixels, noisy)
    assert gain > 5


@pytest.mark.parametrize("augment", [False, True])
def test_loss_is_half_the_summed_squared_error(patches, augment):
    noisy, clean = (part[:10] for part in patches)
    model = DnCNN(depth=3, filters=4)
    squares = np.square(np.asarray(model(noisy, training=True)) - clean).sum((1, 2, 3))
    losses = fit(
        model, noisy, clean, epochs=1, batch_size=10, learning_rate=1e-9, learning_rate_drops=(), augment=augment
    )
    if augment:  # convolutions treat a turned patch alike but not equally
        assert losses[0] == pytest.approx(0.5 * squares.sum(), rel=0.1)
        assert losses[0] != pytest.approx(0.5 * squares.sum(), rel=1e-3)
    else:
        assert losses[0] == pytest.approx(0.5 * squares.sum(), rel=1e-4)


def test_augmentation_turns_noisy_and_clean_alike():
    """With the identity as denoiser the error is the noise, however the pair is turned; apart it would be larger."""
    rng = np.random.default_rng(0)
    clean = rng.random((64, 8, 8, 1), "float32")
    noisy = clean + rng.normal(0, 0.01, clean.shape).astype("float32")
    model = DnCNN(depth=2, filters=2)
    model.get_layer("conv2").kernel.assign(np.zeros((3, 3, 2, 1)))
    losses = fit(model, noisy, clean, epochs=1, batch_size=64, learning_rate=1e-9, learning_rate_drops=(), augment=True)
    assert losses[0] == pytest.approx(0.5 * np.square(noisy - clean).sum(), rel=1e-3)


@pytest.mark.parametrize(
    ("drops", "expected"),
    [((), [1, 1, 1, 1]), ((2,), [1, 1, 0.1, 0.1]), ((3, 1), [1, 0.1, 0.1, 0.01]), ((4, 9), [1, 1, 1, 1])],
)
def test_learning_rate_drops_after_the_epochs_named(drops, expected):
    clean = np.zeros((5, 4, 4, 1), "float32")
    training = denoising.denoiser_training(
        DnCNN(depth=2, filters=2), clean, clean, epochs=4, batch_size=2, learning_rate=1e-3, learning_rate_drops=drops
    )
    rates = [float(training.learning_rate)]
    for _ in training.dispatches():
        if training.step % 3 == 0:
            rates.append(float(training.learning_rate))
    np.testing.assert_allclose(np.array(rates[:4]) * 1e3, expected, rtol=1e-5)


def test_same_seed_same_network(patches):
    noisy, clean = (part[:64] for part in patches)
    networks = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        model = DnCNN(depth=3, filters=4)
        fit(model, noisy, clean, epochs=2, batch_size=16, augment=True)
        networks.append(model)
    for first, second in zip(networks[0].weights, networks[1].weights, strict=True):
        np.testing.assert_array_equal(first, second)


def identity(channels, noise_map):
    """A denoiser that gives back the noisy image, or the map of levels where it has one."""
    inputs = keras.Input((None, None, channels + noise_map))
    parts = keras.ops.split(inputs, [channels], axis=-1) if noise_map else [inputs]
    # A weight that is never asked for any change, as training needs one.
    return keras.Model(inputs, keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones")(parts[-1]))


@pytest.mark.parametrize(("sigma", "second_moment"), [(51.0, 0.04), ((0.0, 102.0), 0.16 / 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_redrawn_noise_has_the_levels_asked_for(sigma, second_moment, channels):
    """With the identity as denoiser the loss is half the sum of the noise's squares."""
    clean = np.full((512, 12, 12, channels), 0.5, "float32")
    losses = fit(
        identity(channels, False), clean, clean, epochs=2, batch_size=512, learning_rate=1e-9,
        learning_rate_drops=(), redrawn_sigma=sigma,
    )  # fmt: skip
    np.testing.assert_allclose(losses, 0.5 * second_moment * clean.size, rtol=0.15)
    assert losses[0] != losses[1]


def test_the_map_is_that_of_the_redrawn_noise():
    """The map as the denoised image, of black: half the sum of its squares, when it stands for the noise drawn."""
    clean = np.zeros((512, 6, 6, 1), "float32")
    noisy = noisy_patches(clean, (0.0, 102.0), noise_map=True)
    arguments = {"epochs": 1, "batch_size": 512, "learning_rate": 1e-9, "learning_rate_drops": ()}
    [fixed] = fit(identity(1, True), noisy, clean, **arguments)
    assert fixed == pytest.approx(0.5 * np.square(noisy[..., 1]).sum(), rel=1e-3)
    [redrawn] = fit(identity(1, True), noisy, clean, redrawn_sigma=(0.0, 102.0), augment=True, **arguments)
    assert redrawn == pytest.approx(0.5 * clean.size * 0.16 / 3, rel=0.15)
    assert redrawn != pytest.approx(fixed, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"noisy": np.zeros((4, 8, 8, 1), "uint8")}, "noisy"),
        ({"clean": np.zeros((4, 8, 8, 1), "uint8")}, "clean"),
        ({"clean": np.zeros((5, 8, 8, 1), "float32")}, "clean"),
        ({"clean": np.zeros((8, 8, 1), "float32")}, "clean"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"redrawn_sigma": -1}, "redrawn_sigma"),
        ({"redrawn_sigma": (5, 3)}, "redrawn_sigma"),
        ({"noisy": np.zeros((4, 8, 8, 3), "float32")}, "clean"),
    ],
)
def test_bad_training_arguments(change, name):
    arguments = dict.fromkeys(("noisy", "clean"), np.zeros((4, 8, 8, 1), "float32"))
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        denoising.denoiser_training(None, **(arguments | change))
