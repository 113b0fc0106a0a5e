"""Image quality, measured by scikit-image under a named protocol."""

import numpy as np
from numpy.typing import ArrayLike
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfdrop.arguments import check_choice, invalid

PROTOCOLS = ("uint8", "float")
WINDOW = 7  # scikit-image's default for SSIM


def displayed(image: ArrayLike, protocol: str = "uint8") -> np.ndarray:
    """Returns an image as the protocol sees it.

    Args:
        image: Float array with pixels around [0, 1].
        protocol: `"uint8"` clips to [0, 1] and rounds to 8 bits, as a saved file would be; `"float"` leaves
            the image as it is.

    Raises:
        ValueError: If `protocol` is another name, or the pixels are not floats.

    >>> displayed([-0.5, 0.5, 1.5]).round(4).tolist()
    [0.0, 0.502, 1.0]
    """
    check_choice("protocol", protocol, PROTOCOLS)
    pixels = _floats("image", image)
    return pixels if protocol == "float" else np.round(np.clip(pixels, 0, 1) * 255) / 255


def psnr(clean: ArrayLike, image: ArrayLike, protocol: str = "uint8") -> float:
    """Returns the peak signal-to-noise ratio in dB, peak 1, over the whole image without cropping its border.

    The denoising protocol of this library: white Gaussian noise from a generator seeded anew for each image
    (`tfdrop.data.noisy_image`), the noisy input of a denoiser NOT clipped, the image that is rated clipped and rounded
    to 8 bits (`protocol="uint8"`), or neither (`"float"`).

    Args:
        clean: The reference, floats in [0, 1], shape `(height, width)` or `(height, width, channels)`.
        image: The image to rate, of the same shape.
        protocol: `"uint8"` or `"float"`.

    Returns:
        The ratio; infinity for equal images.

    Raises:
        ValueError: If an argument has another kind of pixels or shape: integers from 0 to 255, for example.

    >>> clean = np.full((8, 8), 0.5)
    >>> round(psnr(clean, clean + 0.1, protocol="float"), 6)
    20.0
    """
    reference, rated = _pair(clean, image, protocol)
    if np.array_equal(reference, rated):
        return float("inf")
    return float(peak_signal_noise_ratio(reference, rated, data_range=1))


def ssim(clean: ArrayLike, image: ArrayLike, protocol: str = "uint8") -> float:
    """Returns the structural similarity by scikit-image's default 7x7 window; for colour the mean over the channels.

    The arguments are those of `psnr`; the images are at least 7 pixels high and wide.

    >>> ramp = np.linspace(0, 1, 81).reshape(9, 9)
    >>> ssim(ramp, ramp, protocol="float")
    1.0
    """
    reference, rated = _pair(clean, image, protocol)
    if min(reference.shape[:2]) < WINDOW:
        raise invalid(
            "clean",
            f"an image at least {WINDOW} pixels high and wide",
            received=f"an array of shape {reference.shape}",
        )
    channels = -1 if reference.ndim == 3 else None
    return float(structural_similarity(reference, rated, data_range=1, channel_axis=channels))


def _pair(clean: ArrayLike, image: ArrayLike, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the reference and the image as the protocol sees it, in double precision, once they are checked."""
    reference, rated = _floats("clean", clean), displayed(image, protocol)
    if reference.ndim not in (2, 3) or 0 in reference.shape:
        raise invalid(
            "clean",
            "an image of shape (height, width) or (height, width, channels)",
            received=f"an array of shape {reference.shape}",
        )
    if not (reference.min() >= 0 and reference.max() <= 1):
        extent = f"pixels from {reference.min():.4g} to {reference.max():.4g}"
        raise invalid("clean", "pixels in [0, 1]", received=extent)
    if rated.shape != reference.shape:
        raise invalid("image", f"an array of the shape of `clean`, {reference.shape}", received=f"shape {rated.shape}")
    return reference, rated


def _floats(name: str, image: ArrayLike) -> np.ndarray:
    """Returns pixels in double precision; integers, which are on another scale, are an error."""
    pixels = np.asarray(image)
    if pixels.dtype.kind in "iub":
        raise invalid(name, "float pixels, on a scale from 0 to 1", received=f"an array of {pixels.dtype}")
    return pixels.astype("float64")
