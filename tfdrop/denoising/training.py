"""Training denoisers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.augmentation.dihedral import RandomDihedral
from tfdrop.data.images.gaussian_noise import level_range
from tfdrop.losses import HalfSumSquaredError
from tfdrop.training.loop import Training, compiles_with_xla


def denoiser_training(
    denoiser: keras.Model,
    noisy: np.ndarray,
    clean: np.ndarray,
    epochs: int = 50,
    batch_size: int = 128,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
    learning_rate_drops: Iterable[int] = (30,),
    augment: bool = False,
    redrawn_sigma: float | Sequence[float] | None = None,
    seed: int = 0,
    sample_weights: ArrayLike | None = None,
    record: bool | str | Path = False,
    memory: int = 2**30,
) -> Training:
    """Returns the `Training` of a denoiser with Adam on half the summed squared error.

    The denoiser is compiled with that optimizer and loss, unless it already is: one that was saved in the middle
    of its training continues.

    Args:
        denoiser: Keras model from noisy to denoised images.
        noisy: Float array of noisy patches, shape `(n, size, size, channels)`; with a channel more where the denoiser
            takes a map of the noise level, as `tfdrop.data.noisy_patches` gives it.
        clean: The clean patches, of the same shape, without a map.
        epochs: Number of epochs.
        batch_size: Patches per step; the last batch of an epoch may be smaller.
        learning_rate: Adam's first learning rate; or a schedule, which the drops then have no part in.
        learning_rate_drops: Numbers of epochs after which it is multiplied by 0.1.
        augment: Whether to rotate and mirror the patches at random.
        redrawn_sigma: If given, `noisy` is not used: noise of this standard deviation, on the 8-bit scale, is
            drawn anew whenever a patch comes up. Of two numbers, the lowest and the highest, so is the deviation.
        seed: Integer seed of the order of the patches, of augmentation and of redrawn noise.
        sample_weights, record, memory: As for `Training`.

    The `Training` is of a model of the denoiser's errors, from pairs `(noisy, clean)` to zero. To ask it with
    `replay_influence`, give that `model=denoiser` with validation data `(noisy, clean)`.

    Raises:
        ValueError: If the patches differ in shape or are not floats, or an argument is out of range.

    >>> from tfdrop.models import DnCNN
    >>> clean = np.zeros((4, 8, 8, 1), "float32")
    >>> training = denoiser_training(DnCNN(depth=2, filters=2), clean, clean, epochs=3, batch_size=2)
    >>> sum(len(losses) for losses in training.dispatches())
    6
    """
    _check_patches(noisy, clean)
    check_whole("epochs", epochs)
    check_whole("batch_size", batch_size)
    levels = None if redrawn_sigma is None else level_range(redrawn_sigma, "redrawn_sigma")
    if not denoiser.compiled:
        rate = learning_rate
        if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = _dropping(rate, learning_rate_drops, epochs, -(-len(clean) // batch_size))
        denoiser.compile(keras.optimizers.Adam(rate), HalfSumSquaredError(), jit_compile=compiles_with_xla())
    errors = _error_model(denoiser, noisy.shape[1:], augment, levels, clean.shape[-1])
    no_error = np.zeros((len(clean), 1, 1, 1), "float32")
    train = ((noisy, clean), no_error)
    return Training(
        errors, denoiser.optimizer, denoiser.loss, train, batch_size, epochs, seed, sample_weights, record, memory
    )


def _check_patches(noisy: np.ndarray, clean: np.ndarray) -> None:
    for name, patches in (("noisy", noisy), ("clean", clean)):
        if np.ndim(patches) != 4 or not np.issubdtype(patches.dtype, np.floating):
            expected = "a float array of patches, shape (n, size, size, channels)"
            raise invalid(name, expected, received=f"{patches.dtype} of shape {patches.shape}")
    with_map = (*clean.shape[:-1], clean.shape[-1] + 1)
    if noisy.shape not in (clean.shape, with_map) or 0 in clean.shape:
        shapes = f"patches of shapes {noisy.shape} and {clean.shape}"
        raise invalid("clean", "as many patches as `noisy` has, of the same shape", received=shapes)


def _dropping(
    learning_rate: float, drops: Iterable[int], epochs: int, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate, as a schedule if it drops before the last epoch."""
    drops = sorted(epoch for epoch in drops if epoch < epochs)
    if not drops:
        return learning_rate
    rates = [learning_rate * 0.1**power for power in range(len(drops) + 1)]
    last_steps = [epoch * steps_per_epoch - 1 for epoch in drops]  # steps count from 0
    return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)


def _error_model(
    denoiser: keras.Model,
    noisy_shape: tuple[int, ...],
    augment: bool,
    redrawn: tuple[float, float] | None,
    channels: int,
) -> keras.Model:
    """Returns a model from noisy and clean patches to the denoiser's error.

    Both are inputs so that one augmentation layer, on the device, transforms both alike. Outside training its errors
    are those of the noisy patches, also where training draws the noise anew.
    """
    noisy, clean = inputs = [keras.Input(noisy_shape), keras.Input((*noisy_shape[:-1], channels))]
    if augment:
        pair = RandomDihedral()(layers.Concatenate()(inputs))
        noisy, clean = ops.split(pair, [noisy_shape[-1]], axis=-1)
    if redrawn is not None:
        low, high = redrawn
        noisy = _Redrawn(low / 255, high / 255)([noisy, clean])
    return keras.Model(inputs, layers.Subtract()([denoiser(noisy), clean]))


class _Redrawn(layers.GaussianNoise):
    """Returns clean patches with noise in training, and the noisy ones otherwise; with a map where these have one.

    Each patch gets a standard deviation of its own between two.
    """

    def __init__(self, low, high):
        super().__init__(high)
        self._low = low

    def call(self, inputs, training=False):
        noisy, clean = inputs
        if not training:
            return noisy
        if self._low == self.stddev:
            drawn, deviations = super().call(clean, training=True), ops.full_like(clean[..., :1], self.stddev)
        else:
            shape = (ops.shape(clean)[0], 1, 1, 1)
            levels = keras.random.uniform(shape, self._low, self.stddev, clean.dtype, self.seed_generator)
            deviations = levels * ops.ones_like(clean[..., :1])
            drawn = clean + levels * keras.random.normal(ops.shape(clean), dtype=clean.dtype, seed=self.seed_generator)
        return drawn if noisy.shape[-1] == clean.shape[-1] else ops.concatenate([drawn, deviations], axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
