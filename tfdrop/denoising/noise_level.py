"""How strong the noise of an image is, estimated from the image alone; sigma is on the 8-bit scale."""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from skimage import restoration  # loads what is named below, and SciPy, when it is used

from tfdrop.arguments import invalid
from tfdrop.denoising.pixel_scale import check_pixels, to_unit_scale
from tfdrop.denoising.tiles import tiles

LARGEST = 2048  # pixels a side that are looked at together, as wavelets take many times the memory of an image


def estimate_noise(image: ArrayLike) -> float:
    """Returns the standard deviation of an image's noise, estimated by scikit-image's `estimate_sigma`.

    It takes the finest details for noise: texture makes it larger, and noise that was clipped at black and white, as
    files have it, makes it smaller.

    Of an image of more than 2048 pixels a side it is the median over blocks of up to that size.

    Args:
        image: One image of shape `(height, width)` or `(height, width, channels)`, of any of scikit-image's dtypes.

    Returns:
        Sigma for pixels from 0 to 255, the average over the channels; 0 for an image without any detail.

    Raises:
        ValueError: If `image` is no such image.

    >>> from tfdrop.data import noisy_image
    >>> round(estimate_noise(noisy_image(np.full((200, 200), 0.5), sigma=25)))
    25
    """
    pixels = np.asarray(image)
    check_pixels("image", pixels)
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        expected = "an image of shape (height, width) or (height, width, channels)"
        raise invalid("image", expected, received=f"an array of shape {pixels.shape}")
    planes = pixels.reshape(*pixels.shape[:2], -1)
    height, width, _ = planes.shape
    blocks = [planes[tile.kept] for tile in tiles(height, width, radius=0, side=LARGEST)]
    return 255 * float(np.median([_of_block(to_unit_scale(block)) for block in blocks]))


def _of_block(pixels: np.ndarray) -> float:
    with warnings.catch_warnings():
        # Of no details, as a smooth channel has them, it takes the median all the same; and it takes an image of up to
        # four columns for one in colour, which it is not.
        warnings.simplefilter("ignore")
        found = restoration.estimate_sigma(pixels, channel_axis=-1)
    return float(np.mean(np.nan_to_num(found)))
