"""The validation images that measure how many patches to drop."""

import numpy as np
import pytest

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.denoising import denoise
from tfdrop.errors import UserError
from tfdrop.metrics import displayed
from tfdrop.models import DnCNN
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.task import BLOCK, DenoisingTask


def test_every_other_validation_image_is_held_out_and_measured_in_blocks():
    settings = DenoiseSettings(max_drop="auto", patches_per_image=1, depth=3, filters=4)
    data = read_data(settings)
    whole = read_data(DenoiseSettings(patches_per_image=1))
    names = [image.name for image in whole.validation]
    assert [image.name for image in data.validation] == names[::2]
    assert [image.name for image in data.held_out] == names[1::2]
    assert data.fingerprint() == read_data(settings).fingerprint() != whole.fingerprint()
    network, result, steps = DnCNN(depth=3, filters=4), {}, []
    DenoisingTask(settings, data, rated=False).measure(Arm("round 1"), network, None, result, lambda: steps.append(1))
    assert steps == [1]
    expected = []
    for image in data.held_out:
        errors = 255 * (image.pixels - displayed(denoise(network, noisy_image(image.pixels, settings.sigma))))
        for top in range(0, errors.shape[0] - BLOCK + 1, BLOCK):
            for left in range(0, errors.shape[1] - BLOCK + 1, BLOCK):
                expected.append(np.mean(errors[top : top + BLOCK, left : left + BLOCK] ** 2))
    np.testing.assert_allclose(result["held_out"], expected, rtol=1e-5)
    assert len(expected) > 50


def test_one_validation_image_is_too_few(tmp_path):
    (image,) = [image for image in read_data(DenoiseSettings(patches_per_image=1)).validation][:1]
    from skimage.io import imsave

    imsave(tmp_path / "one.png", np.round(255 * image.pixels).astype("uint8"))
    with pytest.raises(UserError, match="--max_drop=auto: needs at least 2 validation images"):
        read_data(DenoiseSettings(max_drop="auto", patches_per_image=1, validation_dir=str(tmp_path)))
