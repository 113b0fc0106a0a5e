"""Image quality, measured by scikit-image under a named protocol."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

PROTOCOLS = ("uint8", "float")


def displayed(image, protocol="uint8"):
    """Returns an image as the protocol sees it.

    Args:
        image: Array with pixels around [0, 1].
        protocol: `"uint8"` clips to [0, 1] and rounds to 8 bits, as a saved file would be; `"float"` leaves
            the image as it is.

    Raises:
        ValueError: If `protocol` is another name.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(
            "Invalid value received for argument `protocol`. "
            f"Expected one of {PROTOCOLS}. Received: protocol={protocol!r}"
        )
    if protocol == "float":
        return np.asarray(image, "float64")
    return np.round(np.clip(np.asarray(image, "float64"), 0, 1) * 255) / 255


def psnr(clean, image, protocol="uint8"):
    """Returns the peak signal-to-noise ratio in dB, peak 1, over the whole image without cropping its border.

    The denoising protocol of this library: white Gaussian noise from a generator seeded anew for each image
    (`tfdrop.data.images.gaussian_noise.noisy_image`), the noisy input of a denoiser NOT clipped, the image that is
    rated clipped and rounded to 8 bits (`protocol="uint8"`), or neither (`"float"`).

    Args:
        clean: The reference, shape `(height, width)`, pixels in [0, 1].
        image: The image to rate, of the same shape.
        protocol: `"uint8"` or `"float"`.
    """
    return float(peak_signal_noise_ratio(np.asarray(clean, "float64"), displayed(image, protocol), data_range=1))


def ssim(clean, image, protocol="uint8"):
    """Returns the structural similarity (scikit-image's default 7x7 window); arguments as for `psnr`."""
    return float(structural_similarity(np.asarray(clean, "float64"), displayed(image, protocol), data_range=1))
