"""Denoising arrays: images of any of scikit-image's dtypes, grey or colour, with alpha or without, one or a batch."""

import warnings
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import check_number, invalid
from tfdrop.denoising.noise_level import estimate_noise
from tfdrop.denoising.pixel_scale import from_unit_scale, to_unit_scale
from tfdrop.denoising.tiles import TILE, apply_in_tiles


def denoise(
    model: keras.Model,
    image: ArrayLike,
    sigma: float | str | np.ndarray = "auto",
    each_channel: bool = False,
    strict: bool = False,
    tile: int | None = TILE,
    after_tile: Callable[[], object] | None = None,
) -> np.ndarray:
    """Returns an image, or a batch of them, denoised.

    Args:
        model: Keras model from noisy to denoised images with pixels in [0, 1], such as `tfdrop.models.load_dncnn`
            returns. One that takes a channel more than it returns is given the noise level there, as a map.
        image: Array of shape `(height, width)`, `(height, width, channels)` or `(n, height, width, channels)`, of any
            of scikit-image's dtypes; floats are around [0, 1]. One channel more than the model's 1 or 3 is alpha.
        sigma: Standard deviation of the noise on the 8-bit scale; `"auto"` estimates that of each image. It matters to
            a model that takes it as a map, which may also be given here, of shape `(height, width)`; and to one that
            says what it was trained for, which is held to it.
        each_channel: Whether a model of one channel denoises each channel of a colour image by itself.
        strict: Whether a level of noise that the model was not trained for is an error, not a warning.
        tile: Largest height and width that is denoised at once, by which memory is bounded; larger images are denoised
            in overlapping tiles, with the same result. `None` for whole images.
        after_tile: Called after every tile.

    Returns:
        Array of the shape and dtype of `image`: integers are clipped and rounded, floats are neither, and alpha is
        unchanged.

    Raises:
        ValueError: If the image has other channels than the model, or an argument is out of its range.

    >>> import skimage
    >>> from tfdrop.models import DnCNN
    >>> model = DnCNN(depth=3, filters=4)  # load_dncnn("weights.keras") for one that is trained
    >>> denoised = denoise(model, skimage.data.camera(), sigma=25)
    >>> denoised.dtype, denoised.shape
    (dtype('uint8'), (512, 512))
    """
    found = np.asarray(image)
    pixels = to_unit_scale("image", found)
    channels, takes_map = _channels(model)
    colours, alpha = _without_alpha(pixels, channels, each_channel)
    batch = colours.reshape(-1, *colours.shape[-3:])
    levels = _levels(model, batch, sigma, takes_map, strict)
    if channels != batch.shape[-1]:  # each channel by itself
        batch = np.moveaxis(batch, -1, 1).reshape(-1, *batch.shape[1:3], 1)
        levels = np.repeat(levels, len(batch) // len(levels), axis=0)
    if takes_map:
        batch = np.concatenate([batch, np.broadcast_to(levels, (*batch.shape[:3], 1))], axis=-1)
    denoised = apply_in_tiles(model, batch, tile, after_tile)
    if channels != colours.shape[-1]:
        denoised = np.moveaxis(denoised.reshape(-1, colours.shape[-1], *denoised.shape[1:3]), 1, -1)
    result = from_unit_scale(denoised.reshape(colours.shape), found.dtype)
    if alpha is not None:
        result = np.concatenate([result, found[..., -1:]], axis=-1)
    return result.reshape(found.shape)


def _channels(model):
    """Returns the channels of the model's images, and whether it takes a map of the noise level."""
    taken, returned = model.input_shape[-1], model.output_shape[-1]
    if taken not in (returned, returned + 1):
        expected = "a denoiser, which returns as many channels as it takes, or one less"
        raise invalid("model", expected, received=f"a model from {taken} to {returned} channels")
    return returned, taken == returned + 1


def _without_alpha(pixels, channels, each_channel):
    """Returns the channels to denoise, in an axis of their own, and the alpha channel or `None`."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim not in (3, 4) or 0 in pixels.shape:
        expected = "one image, (height, width) or (height, width, channels), or a batch with a further axis in front"
        raise invalid("image", expected, received=f"an array of shape {pixels.shape}")
    there = pixels.shape[-1]
    allowed = (1, 3) if each_channel and channels == 1 else (channels,)
    if there in allowed:
        return pixels, None
    if there in (2, 4) and there - 1 in allowed:
        return pixels[..., :-1], pixels[..., -1]
    hint = "; each_channel=True denoises each by itself" if channels == 1 and there in (3, 4) else ""
    raise invalid("image", f"{channels} channels, as the model has{hint}", received=f"an array of shape {pixels.shape}")


def _levels(model, batch, sigma, takes_map, strict):
    """Returns the levels of noise in [0, 1], an array `(n or 1, height or 1, width or 1, 1)`; warns of untrained ones.

    Without need of them nothing is estimated.
    """
    trained = getattr(model, "trained_for", None)
    if isinstance(sigma, str):
        if sigma != "auto":
            raise invalid("sigma", 'a number of at least 0, "auto" or an array', sigma)
        needed = takes_map or trained is not None
        sigmas = np.array([estimate_noise(image) for image in batch] if needed else [0.0])
    elif np.ndim(sigma) == 0:
        sigmas = np.array([check_number("sigma", np.asarray(sigma).item())])
    else:
        sigmas = np.asarray(sigma, "float64")
        if not takes_map:
            raise invalid("sigma", "a number: this model takes no map of levels", received=f"shape {sigmas.shape}")
        if sigmas.shape != batch.shape[1:3]:
            raise invalid("sigma", f"a map of the image's shape, {batch.shape[1:3]}", received=f"shape {sigmas.shape}")
    if not (np.isfinite(sigmas).all() and (sigmas >= 0).all()):
        raise invalid("sigma", "finite numbers of at least 0", sigma)
    estimated = isinstance(sigma, str)
    untrained = [] if trained is None else [level for level in sigmas.flat if not trained.covers(level, estimated)]
    if untrained:
        about = "noise estimated at sigma" if estimated else "sigma"
        message = f"{about} {untrained[0]:.4g}, but the model was trained for {trained}"
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)
    shape = (1, *sigmas.shape, 1) if sigmas.ndim == 2 else (-1, 1, 1, 1)
    return (sigmas / 255).astype("float32").reshape(shape)
