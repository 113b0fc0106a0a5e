"""Folding batch normalization: the same denoiser, whatever its statistics."""

import numpy as np
import pytest

from tfdrop.models import DnCNN, fold_batch_norm


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 5, "filters": 4},
        {"depth": 3, "filters": 6, "channels": 3},
        {"depth": 4, "filters": 3, "noise_map": True},
        {"depth": 2, "filters": 3},
        {"depth": 4, "filters": 3, "batch_norm": False},
        {"depth": 4, "filters": 3, "channels": 3, "noise_map": True, "batch_norm": False},
    ],
)
def test_denoises_as_before(arguments):
    rng = np.random.default_rng(0)
    denoiser = DnCNN(**arguments, seed=1)
    changed = [w + rng.uniform(0.1, 0.5, w.shape) for w in denoiser.get_weights()]  # variances stay positive
    denoiser.set_weights(changed)
    x = rng.random((2, 7, 9, denoiser.input_shape[-1]), "float32")
    expected = np.asarray(denoiser(x))
    folded = fold_batch_norm(denoiser)
    found = np.asarray(folded(x))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(np.asarray(folded(x, training=True)), found, atol=1e-6 * np.abs(expected).max())
    assert not any("bn" in layer.name for layer in folded.layers)
    assert folded is not denoiser
    for own, kept in zip(denoiser.get_weights(), changed, strict=True):
        np.testing.assert_allclose(own, kept, rtol=1e-6)
