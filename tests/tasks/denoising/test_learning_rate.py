"""The learning rates of a denoising run, beside the formulas."""

import numpy as np
import pytest

from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.training import _denoiser_and_training

EPOCHS, STEPS = 4, 20  # of 10 patches in batches of 2


def cosine(share):
    return (1 + np.cos(np.pi * share)) / 2


EXPECTED = {
    "steps": lambda step: 0.1 ** (step // 10),
    "cosine": lambda step: cosine(step / STEPS),
    "one_cycle": lambda step: np.where(step < 2, 0.1 + 0.9 * step / 2, cosine((step - 2) / 18)),
}


@pytest.mark.parametrize("schedule", EXPECTED)
def test_learning_rate_at_every_step(schedule):
    settings = DenoiseSettings(
        schedule=schedule, epochs=EPOCHS, batch_size=2, learning_rate=1e-3, learning_rate_drops=[2], depth=2, filters=2
    )
    clean = np.zeros((10, 4, 4, 1), "float32")
    _, training = _denoiser_and_training(settings, (clean, clean), "round 1", False, None, False)
    rates = [float(training.learning_rate)]
    for losses in training.dispatches():
        assert len(losses) == 1
        rates.append(float(training.learning_rate))
    np.testing.assert_allclose(
        np.array(rates[:STEPS]) * 1e3, EXPECTED[schedule](np.arange(STEPS)), rtol=1e-4, atol=1e-6
    )
    assert (rates[-1] < 1e-9) == (schedule != "steps")


def test_one_cycle_of_less_than_ten_steps_only_falls():
    settings = DenoiseSettings(schedule="one_cycle", epochs=1, batch_size=2, learning_rate=1e-3, depth=2, filters=2)
    clean = np.zeros((10, 4, 4, 1), "float32")
    _, training = _denoiser_and_training(settings, (clean, clean), "round 1", False, None, False)
    rates = [float(training.learning_rate)]
    for _ in training.dispatches():
        rates.append(float(training.learning_rate))
    np.testing.assert_allclose(np.array(rates[:5]) * 1e3, cosine(np.arange(5) / 5), rtol=1e-4)
