"""The steps of a denoising run, each resumable: noisy data, training, influence."""

from pathlib import Path

import keras
import numpy as np

from tfdrop.data.images.gaussian_noise import noisy_image, noisy_patches, with_noise_map
from tfdrop.denoising import denoise, denoiser_training
from tfdrop.losses import HalfSumSquaredError
from tfdrop.metrics import psnr
from tfdrop.models import DnCNN, fold_batch_norm, load_dncnn
from tfdrop.tasks import devices
from tfdrop.tasks.influence_step import influence_as_set
from tfdrop.tasks.initial_weights import initial_seed
from tfdrop.tasks.replay_step import check_replayable, recorded_training
from tfdrop.training.resumable import train_resumably


def training_pairs(settings, data):
    """Returns the noisy and the clean patches."""
    clean = data.patches.pixels
    return noisy_patches(clean, settings.levels, settings.seed, settings.noise_map), clean


def validation_pairs(settings, data):
    """Returns `(noisy, clean)` batches of one full-size validation image each.

    Every image has noise of its own: shared noise would be fitted by the patches that happen to resemble it.
    """
    pairs = []
    for seed, image in enumerate(data.validation, start=1):
        shape = (1, *image.pixels.shape[:2], settings.channels)
        noisy = noisy_image(image.pixels, settings.measured_sigma, seed).reshape(shape)
        noisy = with_noise_map(noisy, settings.measured_sigma / 255) if settings.noise_map else noisy
        pairs.append((noisy, image.pixels.reshape(shape)))
    return pairs


def train_denoiser(settings, train, name, augment, folder, key, pace, record=False, sample_weights=None, validation=()):
    """Trains a denoiser from scratch, or goes on with the training of that name; see `train_resumably`.

    It starts from the settings' weights, or else from the random ones that `initial_seed` says. `record` and
    `sample_weights` are as `Training` takes them. The PSNR of the images `validation`, as `validation_pairs` has them,
    is noted after every epoch.
    """

    def build(denoiser):
        denoiser, training = _denoiser_and_training(settings, train, name, augment, denoiser, record, sample_weights)
        check_replayable(training)
        return denoiser, training

    # Where the denoiser is on several devices, one that is on one is tested.
    tested = None if settings.distribute == devices.ONE_DEVICE else _network(settings, dtype="float32")

    def after_epoch(denoiser, records):
        if not validation:
            return {}
        if tested is not None:
            tested.set_weights(denoiser.get_weights())
        return {"validation_psnr": mean_psnr(settings, tested or denoiser, validation)}

    return train_resumably(name, key, build, folder, pace, after_epoch, lambda: devices.scope(settings))


def mean_psnr(settings, denoiser, pairs):
    """Returns the mean PSNR in dB of a denoiser on noisy and clean images, as `validation_pairs` has them."""
    found = []
    for noisy, clean in pairs:
        pixels = noisy[0, ..., : settings.channels]  # without the map of the noise, which `denoise` makes
        denoised = denoise(denoiser, pixels, settings.measured_sigma).astype("float32")
        found.append(psnr(clean[0], denoised, settings.psnr))
    return float(np.mean(found))


def recorded_denoiser(settings, train, name, augment, record, key, pace):
    """Returns the finished `Training` whose record is in a folder, and its denoiser; trains where there is none.

    Args:
        settings, train, name, augment, key, pace: As for `train_denoiser`.
        record: The folder.
    """

    def build():
        with devices.scope(settings):
            return _denoiser_and_training(settings, train, name, augment, None, record)

    def train_again(folder):
        train_denoiser(settings, train, name, augment, folder, key, pace, record)

    return recorded_training(build, train_again, record)


def _denoiser_and_training(settings, train, name, augment, denoiser, record, sample_weights=None):
    """Returns a denoiser with its `Training`: a new denoiser, if none is given to go on with."""
    noisy, clean = train
    if denoiser is None:
        keras.utils.set_random_seed(settings.seed)
        precision = "mixed_bfloat16" if settings.mixed_precision else "float32"
        start = initial_seed(settings, name)
        denoiser = devices.normalized_together(settings, _network(settings, dtype=precision, seed=start))
        if settings.weights:
            given = load_dncnn(Path(settings.weights).expanduser())
            denoiser.set_weights(fold_batch_norm(given).get_weights())
    training = denoiser_training(
        denoiser,
        noisy,
        clean,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=_learning_rate(settings, settings.epochs * -(-len(clean) // settings.batch_size)),
        learning_rate_drops=settings.learning_rate_drops,
        augment=augment,
        redrawn_sigma=settings.levels if settings.redraw_noise else None,
        seed=settings.seed,
        sample_weights=sample_weights,
        record=record,
    )
    return denoiser, training


def _learning_rate(settings, steps):
    """Returns Adam's learning rate: a number where it falls by `settings.learning_rate_drops`, else a schedule."""
    rate = settings.learning_rate
    if settings.schedule == "steps":
        return rate
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    rising = steps // 10
    return keras.optimizers.schedules.CosineDecay(rate / 10, steps - rising, warmup_target=rate, warmup_steps=rising)


def denoiser_influence(settings, denoiser, train, validation, checkpoint):
    """Returns the `Influence` of every training patch; see `influence_as_set`."""
    return influence_as_set(settings, denoiser, train, validation, HalfSumSquaredError(), checkpoint)


def uncompiled_copy(settings, denoiser):
    """Returns the denoiser without optimizer and loss, in float32: derivatives of derivatives need the digits."""
    copy = _network(settings, dtype="float32")
    copy.set_weights(denoiser.get_weights())
    return copy


def _network(settings, **arguments):
    return DnCNN(
        depth=settings.depth,
        filters=settings.filters,
        channels=settings.channels,
        noise_map=settings.noise_map,
        batch_norm=not settings.weights,
        **arguments,
    )
