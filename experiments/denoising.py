"""One denoising experiment: its arms one after the other, every step resumable."""

import json

import keras
import numpy as np

from experiments.state import finished_arms, noted, open_state, save_state, undamaged
from tfdrop.checkpoint import replace
from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.data.samples import select
from tfdrop.data_dropout import Criterion, control_samples
from tfdrop.denoising import denoise
from tfdrop.errors import UserError
from tfdrop.metrics import psnr
from tfdrop.tasks.denoising.training import (
    denoiser_influence,
    train_denoiser,
    training_pairs,
    uncompiled_copy,
    validation_pairs,
)
from tfdrop.training.resumable import CHECKPOINT

FIRST_MODEL = "round1.keras"
INFLUENCE = "influence.npz"
INFLUENCE_CHECKPOINT = "influence_checkpoint.npz"


class DenoisingExperiment:
    """An experiment in a folder of its own, which holds all that it needs to go on on another machine.

    Args:
        experiment: An `experiments.catalogue.Experiment`.
        settings: Its `DenoiseSettings`, seed included.
        data: Its `DenoiseData`.
        folder: The folder.

    Raises:
        UserError: If the folder holds another experiment, or one with other settings.
    """

    def __init__(self, experiment, settings, data, folder):
        self._experiment = experiment
        self._settings = settings
        self._data = data
        self._folder = folder
        # What can differ between machines says nothing about the experiment.
        inputs = {"images": data.fingerprint()}
        self._key = json.dumps({key: value for key, value in vars(settings).items() if key != "data_dir"} | inputs)
        self.state = open_state(folder, experiment.name, self._key)

    def _save(self):
        save_state(self._folder, self.state)

    def run(self, pace, environment):
        """Goes on to the end, or until the pace raises `OutOfTime`; notes what it runs with and on."""
        with noted(self._folder, self.state, environment):
            train = training_pairs(self._settings, self._data)
            for arm in self._experiment.arms:
                if arm.name not in finished_arms(self.state):
                    self._run_arm(arm, train, pace)

    def _run_arm(self, arm, train, pace):
        kept = self._kept(arm, train, pace)
        model = train_denoiser(
            self._settings, select(train, kept), arm.name, arm.augment, self._folder, self._key, pace
        )
        if not arm.augment:
            replace(self._folder / FIRST_MODEL, uncompiled_copy(self._settings, model).save)
        result = self.state["arms"].setdefault(
            arm.name, {"dropped": len(train[1]) - len(kept), "test": {}, "validation": {}}
        )
        for part, images in (("test", self._data.test), ("validation", self._data.validation)):
            for image in images:
                if image.name not in result[part]:
                    noisy = noisy_image(image.pixels, self._settings.sigma)
                    result[part][image.name] = psnr(image.pixels, denoise(model, noisy), self._settings.psnr)
                    pace.after_step(self._save)
        result["finished"] = True
        self._save()
        (self._folder / CHECKPOINT).unlink(missing_ok=True)
        print(f"{arm.name}: {np.mean(list(result['test'].values())):.3f} dB, {result['dropped']} patches dropped")

    def _kept(self, arm, train, pace):
        """Returns the indices of the patches that an arm trains on."""
        everything = np.arange(len(train[1]))
        if arm.drop == "none":
            return everything
        kept = everything[~Criterion(cap=arm.share).unfavorable(self._scores(train, pace))]
        if len(kept) == 0:
            raise UserError(f"{arm.name}: every patch would be dropped")
        if arm.drop == "random":
            return control_samples(len(everything), len(kept), self._settings.seed).random
        return kept

    def _scores(self, train, pace):
        """Returns the influence of every patch after round 1, computed once."""
        if not (self._folder / INFLUENCE).exists():
            model = undamaged(self._folder / FIRST_MODEL, lambda path: keras.saving.load_model(path, compile=False))
            checkpoint = self._folder / INFLUENCE_CHECKPOINT
            validation = validation_pairs(self._settings, self._data)
            found = denoiser_influence(self._settings, model, train, validation, checkpoint, self._key, pace)
            self.state["influence"] = {
                "unfavorable": int((found.scores > 0).sum()),
                "patches": len(found.scores),
                "curvature": found.curvature,
                "damping": found.damping,
                "residual": found.residual,
                "converged": found.converged,
            }
            self._save()
            replace(self._folder / INFLUENCE, lambda partial: np.savez(partial, scores=found.scores))
            checkpoint.unlink(missing_ok=True)
        return undamaged(self._folder / INFLUENCE, _read_scores)


def _read_scores(path):
    with open(path, "rb") as raw, np.load(raw) as file:
        return file["scores"]
