"""Denoising arrays: images of any of scikit-image's dtypes, grey or colour, with alpha or without, one or a batch."""

import warnings
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfdrop.arguments import check_number, invalid
from tfdrop.denoising.noise_level import estimate_noise
from tfdrop.denoising.pixel_scale import check_pixels, from_unit_scale, to_unit_scale
from tfdrop.denoising.receptive_field import receptive_radius
from tfdrop.denoising.tiles import SIDE, tiles


def denoise(
    model: keras.Model,
    image: ArrayLike,
    sigma: float | str | np.ndarray = "auto",
    each_channel: bool = False,
    strict: bool = False,
    tile: int | None = SIDE,
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
    check_pixels("image", found)
    channels, takes_map = _channels(model)
    colours = _colours(found, channels, each_channel)
    batch = found.reshape(-1, *found.shape[:2], 1) if found.ndim == 2 else found.reshape(-1, *found.shape[-3:])
    levels = _levels(model, batch[..., :colours], sigma, takes_map, strict)
    result = batch.copy()  # so that alpha stays
    height, width = batch.shape[1:3]
    parts = tiles(height, width, receptive_radius(model), tile)
    for index in range(len(batch)):
        level = np.broadcast_to(levels[index % len(levels)], (height, width, 1))
        # All channels together, or each by itself.
        for first in range(0, colours, channels):
            planes = slice(first, first + channels)
            for part in parts:
                seen = to_unit_scale(batch[index, *part.seen, planes])
                if takes_map:
                    seen = np.concatenate([seen, level[part.seen]], axis=-1)
                # Compiled: called as it is, a Keras model keeps every layer's output until the last one is computed.
                denoised = np.asarray(model.predict_on_batch(seen[None]))[0]
                result[index, *part.kept, planes] = from_unit_scale(denoised[part.inner], found.dtype)
                if after_tile is not None:
                    after_tile()
    return result.reshape(found.shape)


def _channels(model):
    """Returns the channels of the model's images, and whether it takes a map of the noise level."""
    taken, returned = model.input_shape[-1], model.output_shape[-1]
    if taken not in (returned, returned + 1):
        expected = "a denoiser, which returns as many channels as it takes, or one less"
        raise invalid("model", expected, received=f"a model from {taken} to {returned} channels")
    return returned, taken == returned + 1


def _colours(image, channels, each_channel):
    """Returns how many channels of an image are denoised: all but alpha."""
    if image.ndim not in (2, 3, 4) or 0 in image.shape:
        expected = "one image, (height, width) or (height, width, channels), or a batch with a further axis in front"
        raise invalid("image", expected, received=f"an array of shape {image.shape}")
    there = 1 if image.ndim == 2 else image.shape[-1]
    allowed = (1, 3) if each_channel and channels == 1 else (channels,)
    if there in allowed:
        return there
    if there in (2, 4) and there - 1 in allowed:
        return there - 1
    hint = "; each_channel=True denoises each by itself" if channels == 1 and there in (3, 4) else ""
    raise invalid("image", f"{channels} channels, as the model has{hint}", received=f"an array of shape {image.shape}")


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
