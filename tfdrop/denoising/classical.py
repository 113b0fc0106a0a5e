"""Denoising without a network: scikit-image's non-local means and wavelets."""

import numpy as np
from skimage import restoration  # loads what is named below, and SciPy, when it is used

from tfdrop.arguments import check_choice, check_number, invalid

METHODS = ("nl-means", "wavelet")


def denoise_classically(noisy: np.ndarray, sigma: float, method: str = "nl-means") -> np.ndarray:
    """Returns one image denoised by a method of scikit-image, which is given the noise level.

    Args:
        noisy: Float array of shape `(height, width)` or `(height, width, channels)`, pixels around [0, 1].
        sigma: Standard deviation of the noise on the 8-bit scale.
        method: `"nl-means"`, non-local means, or `"wavelet"`, soft thresholds by BayesShrink.

    Raises:
        ValueError: If `noisy` is not one float image, or another argument is out of its range.

    >>> from tfdrop.data import noisy_image
    >>> noisy = noisy_image(np.full((20, 20), 0.5, "float32"), sigma=25)
    >>> bool(denoise_classically(noisy, sigma=25).std() < 0.5 * noisy.std())
    True
    """
    check_choice("method", method, METHODS)
    if np.ndim(noisy) not in (2, 3) or not np.issubdtype(noisy.dtype, np.floating) or 0 in noisy.shape:
        expected = "one image: a float array of shape (height, width) or (height, width, channels)"
        raise invalid("noisy", expected, received=f"{noisy.dtype} of shape {noisy.shape}")
    if check_number("sigma", sigma) < 0:
        raise invalid("sigma", "a number of at least 0", sigma)
    if sigma == 0:
        return noisy.copy()
    deviation, axis = sigma / 255, -1 if noisy.ndim == 3 else None
    if method == "nl-means":
        options = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "h": 0.8 * deviation, "sigma": deviation}
        return restoration.denoise_nl_means(noisy, channel_axis=axis, **options)
    in_colour = noisy.ndim == 3 and noisy.shape[-1] == 3
    return restoration.denoise_wavelet(noisy, deviation, channel_axis=axis, convert2ycbcr=in_colour, rescale_sigma=True)
