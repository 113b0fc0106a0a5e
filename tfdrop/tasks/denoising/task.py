"""Denoising as a task for `tfdrop.tasks.arms`: its trainings, influences and PSNR."""

import dataclasses
from functools import cached_property

import numpy as np

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.samples import select
from tfdrop.denoising import denoise
from tfdrop.metrics import displayed, psnr
from tfdrop.tasks.denoising.training import (
    denoiser_influence,
    recorded_denoiser,
    train_denoiser,
    training_pairs,
    uncompiled_copy,
    validation_pairs,
)
from tfdrop.tasks.replay_step import record_folder, replay_as_set, replays_as_set


class DenoisingTask:
    """A `tfdrop.tasks.arms.Task` whose samples are noisy patches.

    Args:
        settings: `DenoiseSettings`.
        data: `DenoiseData`.
        rated: Whether arms are measured as soon as they are trained; not where all are rated side by side at the end,
            and the validation PSNR of every epoch is noted.
    """

    unit = "patches"
    not_of_a_run = ("data_dir", "workdir")

    def __init__(self, settings, data, rated=True):
        self.settings = settings
        self.samples = len(data.patches.pixels)
        self.seed = settings.seed
        self.data = data
        self._rated = rated

    @property
    def fingerprint(self):
        """A digest of the images."""
        return self.data.fingerprint()

    @cached_property
    def _train(self):
        return training_pairs(self.settings, self.data)

    @cached_property
    def _validation(self):
        return validation_pairs(self.settings, self.data)

    def settings_of(self, arm):
        """Returns the settings of an arm."""
        return dataclasses.replace(self.settings, **arm.settings)

    def model_file(self, name):
        return f"{name.replace('round ', 'round').replace(' ', '_')}.keras"

    def train(self, arm, samples, folder, key, pace, records, sample_weights):
        """Trains a denoiser; returns one of Keras's own layers alone, which loads where tfdrop is not installed."""
        settings = self.settings_of(arm)
        record = record_folder(records, settings.seed) if records and settings.influence == "replay" else False
        train = select(self._train, samples)
        augment = augments(settings, arm)
        watched = () if self._rated else self._validation
        trained = train_denoiser(settings, train, arm.name, augment, folder, key, pace, record, sample_weights, watched)
        return uncompiled_copy(settings, trained)

    def influence(self, arm, model, samples, checkpoint, records):
        settings, train = self.settings_of(arm), select(self._train, samples)
        if settings.influence != "replay":
            return denoiser_influence(settings, model, train, self._validation, checkpoint)
        recorded = self._recorded(arm, train, checkpoint)
        return replay_as_set(settings, recorded, self._validation, records, checkpoint.pace)

    def score_seeds(self, arm, seeds, samples, checkpoint, records):
        settings, train = self.settings_of(arm), select(self._train, samples)
        recorded = self._recorded(arm, train, checkpoint)
        replays_as_set(settings, seeds, recorded, self._validation, records, checkpoint.pace)

    def _recorded(self, arm, train, checkpoint):
        """Returns what `replay_as_set` asks for the recorded training from a seed."""

        def recorded(settings, record):
            pace, key = checkpoint.pace, checkpoint.key
            return recorded_denoiser(settings, train, arm.name, augments(settings, arm), record, key, pace)

        return recorded

    def measure(self, arm, model, folder, result, after_step):
        """Adds the PSNR of every test and validation image in dB, and the squared error of each that is held out."""
        if self.data.held_out and "held_out" not in result:
            # Each has noise that no other image of the run has.
            first = 1 + len(self.data.validation)
            result["held_out"] = [
                self._squared_error(model, image, seed) for seed, image in enumerate(self.data.held_out, start=first)
            ]
            after_step()
        if not self._rated:
            return
        for part, images in (("test", self.data.test), ("validation", self.data.validation)):
            scores = result.setdefault(part, {})
            for image in images:
                if image.name not in scores:
                    scores[image.name] = self._psnr(model, image)
                    after_step()
        average = np.mean(list(result["test"].values()))
        print(f"{arm.name}: {average:.3f} dB, {result['dropped']} patches dropped")

    def _psnr(self, model, image):
        noisy = noisy_image(image.pixels, self.settings.measured_sigma)
        return psnr(image.pixels, denoise(model, noisy, self.settings.measured_sigma), self.settings.psnr)

    def _squared_error(self, model, image, seed):
        """Returns the mean squared error of a denoised image, for pixels from 0 to 255."""
        noisy = noisy_image(image.pixels, self.settings.measured_sigma, seed)
        denoised = denoise(model, noisy, self.settings.measured_sigma)
        return float(np.mean((255 * (image.pixels - displayed(denoised, self.settings.psnr))) ** 2))


def augments(settings, arm):
    """Tells whether an arm's patches are augmented."""
    return 0 < settings.augment_from_round <= arm.round
