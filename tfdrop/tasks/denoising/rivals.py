"""Denoisers that are not trained, to hold beside DnCNN: BM3D as in the paper's Fig. 4, and non-local means."""

import importlib.util
from collections.abc import Callable

import numpy as np

from tfdrop.denoising import denoise_classically

NON_LOCAL_MEANS = "nl-means"
BM3D = "bm3d"


def rivals(sigma: float) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Returns the rivals by name: functions from a noisy image to a denoised one, grey or in colour.

    BM3D is there where the package `bm3d` is installed (`pip install ".[bm3d]"`).

    Args:
        sigma: Standard deviation of the noise on the 8-bit scale, which all rivals are told.
    """
    found = {NON_LOCAL_MEANS: lambda noisy: denoise_classically(noisy, sigma)}
    if importlib.util.find_spec("bm3d") is not None:
        found[BM3D] = lambda noisy: _bm3d(noisy, sigma)
    return found


def _bm3d(noisy, sigma):
    from bm3d import bm3d, bm3d_rgb

    method = bm3d if noisy.ndim == 2 else bm3d_rgb
    return np.asarray(method(noisy, sigma / 255), "float32").reshape(noisy.shape)
