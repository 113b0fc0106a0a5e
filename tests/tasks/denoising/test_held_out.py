"""The validation images that measure how many patches to drop."""

import numpy as np
import pytest
from skimage.io import imsave

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.denoising import denoise
from tfdrop.errors import UserError
from tfdrop.metrics import displayed
from tfdrop.models import DnCNN
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.task import DenoisingTask


def settings(folder, count, **more):
    """Settings whose validation images are so many small ones in a folder."""
    rng = np.random.default_rng(0)
    for number in range(count):
        imsave(folder / f"{number}.png", rng.integers(0, 256, (20 + number, 30)).astype("uint8"), check_contrast=False)
    return DenoiseSettings(max_drop="auto", patches_per_image=1, validation_dir=str(folder), **more)


def test_every_other_validation_image_is_held_out_and_measured(tmp_path):
    given = settings(tmp_path, 5, depth=3, filters=4)
    data = read_data(given)
    assert [image.name for image in data.validation] == ["0", "2", "4"]
    assert [image.name for image in data.held_out] == ["1", "3"]
    assert data.fingerprint() == read_data(given).fingerprint()
    assert data.fingerprint() != data._replace(held_out=data.held_out[:1]).fingerprint()
    network, result, steps = DnCNN(depth=3, filters=4), {}, []
    DenoisingTask(given, data, rated=False).measure(Arm("round 1"), network, None, result, lambda: steps.append(1))
    assert steps == [1]
    expected = []
    for seed, image in ((4, data.held_out[0]), (5, data.held_out[1])):
        denoised = displayed(denoise(network, noisy_image(image.pixels, given.sigma, seed)))
        expected.append(np.square(255 * image.pixels - 255 * denoised).mean())
    np.testing.assert_allclose(result["held_out"], expected, rtol=1e-5)


def test_too_few_validation_images_are_named(tmp_path):
    with pytest.raises(UserError, match=r"--max_drop=auto: needs at least 4 validation images, .* there are 3"):
        read_data(settings(tmp_path, 3))
