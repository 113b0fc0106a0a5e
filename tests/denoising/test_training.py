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


def test_a_minute_of_training_beats_the_noisy_input_by_5_db(patches):
    model = DnCNN(depth=5, filters=24)
    fit(model, *patches, epochs=5, batch_size=8, learning_rate=3e-3, learning_rate_drops=(4,))
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
    ],
)
def test_bad_training_arguments(change, name):
    arguments = dict.fromkeys(("noisy", "clean"), np.zeros((4, 8, 8, 1), "float32"))
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        denoising.denoiser_training(None, **(arguments | change))
