"""Denoising as a task for `tfdrop.tasks.arms`: its trainings, influences and PSNR."""

import dataclasses
import json
from functools import cached_property

import numpy as np

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.samples import select
from tfdrop.denoising import denoise
from tfdrop.metrics import psnr
from tfdrop.tasks.denoising.training import (
    denoiser_influence,
    train_denoiser,
    training_pairs,
    uncompiled_copy,
    validation_pairs,
)

OF_A_MACHINE = ("data_dir", "workdir")  # says nothing about a run


class DenoisingTask:
    """A `tfdrop.tasks.arms.Task` whose samples are noisy patches.

    Args:
        settings: `DenoiseSettings`.
        data: `DenoiseData`.
        rated: Whether arms are measured as soon as they are trained; not where all are rated side by side at the end.
    """

    unit = "patches"

    def __init__(self, settings, data, rated=True):
        self.settings = settings
        self.samples = len(data.patches.pixels)
        self.seed = settings.seed
        self.data = data
        self._rated = rated

    @cached_property
    def _train(self):
        return training_pairs(self.settings, self.data)

    @cached_property
    def _validation(self):
        return validation_pairs(self.settings, self.data)

    def settings_of(self, arm):
        """Returns the settings of an arm."""
        return dataclasses.replace(self.settings, **arm.settings)

    def key(self, arms):
        """Returns the text that says all that arms depend on."""
        settings = {
            arm.name: {name: value for name, value in vars(self.settings_of(arm)).items() if name not in OF_A_MACHINE}
            for arm in arms
        }
        return json.dumps({"seed": self.seed, "images": self.data.fingerprint(), "arms": settings})

    def model_file(self, name):
        return f"{name.replace('round ', 'round').replace(' ', '_')}.keras"

    def train(self, arm, samples, folder, key, pace):
        """Trains a denoiser; returns one of Keras's own layers alone, which loads where tfdrop is not installed."""
        settings = self.settings_of(arm)
        augment = 0 < settings.augment_from_round <= arm.round
        trained = train_denoiser(settings, select(self._train, samples), arm.name, augment, folder, key, pace)
        return uncompiled_copy(settings, trained)

    def influence(self, arm, model, samples, checkpoint):
        train = select(self._train, samples)
        return denoiser_influence(self.settings_of(arm), model, train, self._validation, checkpoint)

    def measure(self, arm, model, folder, result, after_step):
        """Adds the PSNR of every test and validation image in dB."""
        if not self._rated:
            return
        settings = self.settings_of(arm)
        for part, images in (("test", self.data.test), ("validation", self.data.validation)):
            scores = result.setdefault(part, {})
            for image in images:
                if image.name not in scores:
                    noisy = noisy_image(image.pixels, settings.sigma)
                    scores[image.name] = psnr(image.pixels, denoise(model, noisy), settings.psnr)
                    after_step()
        average = np.mean(list(result["test"].values()))
        print(f"{arm.name}: {average:.3f} dB, {result['dropped']} patches dropped")
