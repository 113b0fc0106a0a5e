"""Training denoisers and denoising images with them."""

import keras
import numpy as np
from keras import layers, ops
from skimage.restoration import denoise_nl_means

from tfdrop.data.augmentation.dihedral import RandomDihedral
from tfdrop.losses import HalfSumSquaredError
from tfdrop.training.loop import Training, compiles_with_xla


def denoiser_training(
    denoiser,
    noisy,
    clean,
    epochs=50,
    batch_size=128,
    learning_rate=1e-3,
    learning_rate_drops=(30,),
    augment=False,
    redrawn_sigma=None,
    seed=0,
):
    """Returns the `Training` of a denoiser with Adam on half the summed squared error.

    The denoiser is compiled with that optimizer and loss, unless it is already: one that was saved in the middle
    of its training goes on.

    Args:
        denoiser: Keras model from noisy to denoised images.
        noisy: Array of noisy patches, shape `(n, size, size, channels)`.
        clean: The clean patches, of the same shape.
        epochs: Number of epochs.
        batch_size: Patches a step; the last batch of an epoch may be smaller.
        learning_rate: Adam's first learning rate.
        learning_rate_drops: Numbers of epochs after which it is multiplied by 0.1.
        augment: Whether to turn and mirror the patches at random.
        redrawn_sigma: If given, `noisy` is not used: noise of this standard deviation, on the 8-bit scale, is
            drawn anew whenever a patch comes up.
        seed: Integer seed of the order of the patches, of augmentation and of redrawn noise.
    """
    if not denoiser.compiled:
        rate = _dropping(learning_rate, learning_rate_drops, epochs, -(-len(clean) // batch_size))
        denoiser.compile(keras.optimizers.Adam(rate), HalfSumSquaredError(), jit_compile=compiles_with_xla())
    errors = _error_model(denoiser, noisy.shape[1:], augment, redrawn_sigma)
    no_error = np.zeros((len(clean), 1, 1, 1), "float32")
    train = ((noisy, clean), no_error)
    return Training(errors, denoiser.optimizer, denoiser.loss, train, batch_size, epochs, seed)


def fit_denoiser(denoiser, noisy, clean, **arguments):
    """Trains a denoiser to the end; see `denoiser_training`. Returns the losses of all steps."""
    return np.concatenate(list(denoiser_training(denoiser, noisy, clean, **arguments).dispatches()))


def _dropping(learning_rate, drops, epochs, steps_per_epoch):
    """Returns the learning rate, as a schedule if it drops before the last epoch."""
    drops = sorted(epoch for epoch in drops if epoch < epochs)
    if not drops:
        return learning_rate
    rates = [learning_rate * 0.1**power for power in range(len(drops) + 1)]
    last_steps = [epoch * steps_per_epoch - 1 for epoch in drops]  # steps count from 0
    return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)


def _error_model(denoiser, patch_shape, augment, redrawn_sigma):
    """Returns a model from noisy and clean patches to the denoiser's error.

    Both are inputs so that one augmentation layer, on the device, turns both alike.
    """
    noisy, clean = inputs = [keras.Input(patch_shape), keras.Input(patch_shape)]
    if augment:
        pair = RandomDihedral()(layers.Concatenate()(inputs))
        noisy, clean = ops.split(pair, 2, axis=-1)
    if redrawn_sigma is not None:
        noisy = layers.GaussianNoise(redrawn_sigma / 255)(clean)
    return keras.Model(inputs, layers.Subtract()([denoiser(noisy), clean]))


def denoise(denoiser, noisy):
    """Returns one denoised image, not clipped; both of shape `(height, width)`."""
    denoised = denoiser(noisy[None, ..., None], training=False)
    return ops.convert_to_numpy(denoised)[0, ..., 0]


def denoise_classically(noisy, sigma):
    """Returns one image denoised by scikit-image's non-local means, told the noise level.

    Args:
        noisy: Array of shape `(height, width)`.
        sigma: Standard deviation of the noise on the 8-bit scale.
    """
    deviation = sigma / 255
    return denoise_nl_means(noisy, patch_size=5, patch_distance=6, h=0.8 * deviation, sigma=deviation, fast_mode=True)
