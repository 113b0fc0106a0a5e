"""One classification experiment: its arms one after the other, every step resumable."""

import dataclasses
import json

import keras
import numpy as np

from experiments.state import finished_arms, noted, open_state, save_state, undamaged
from tfdrop.checkpoint import replace
from tfdrop.data.samples import select
from tfdrop.data_dropout import Criterion, control_samples
from tfdrop.errors import UserError
from tfdrop.tasks.classification.data import preprocessed
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.training import classifier_influence, train_classifier
from tfdrop.training.log import read_records
from tfdrop.training.resumable import CHECKPOINT

INFLUENCE = "influence.npz"
INFLUENCE_CHECKPOINT = "influence_checkpoint.npz"
# What can differ between machines says nothing about the experiment.
OF_A_MACHINE = ("data_dir", "download", "workdir", "jit")


class ClassificationExperiment:
    """An experiment in a folder of its own, which holds all that it needs to go on on another machine.

    Args:
        experiment: An `experiments.catalogue.experiment.Experiment` with `ClassificationArm`s.
        settings: Its `ClassifySettings`, seed included.
        data: Its `ClassifyData`.
        folder: The folder.

    Raises:
        UserError: If the folder holds another experiment, or one with other settings.
    """

    def __init__(self, experiment, settings, data, folder):
        self._experiment = experiment
        self._settings = {
            arm.name: with_usual_values(dataclasses.replace(settings, **arm.settings)) for arm in experiment.arms
        }
        self._data = data
        self._folder = folder
        arms = {
            name: {key: value for key, value in vars(each).items() if key not in OF_A_MACHINE}
            for name, each in self._settings.items()
        }
        self._key = json.dumps({"seed": settings.seed, "images": data.fingerprint(), "arms": arms})
        self.state = open_state(folder, experiment.name, self._key)

    def run(self, pace, environment):
        """Goes on to the end, or until the pace raises `OutOfTime`; notes what it runs with and on."""
        with noted(self._folder, self.state, environment):
            # What the images go through is the same for all arms.
            data, _ = preprocessed(next(iter(self._settings.values())), self._data)
            for arm in self._experiment.arms:
                if arm.name not in finished_arms(self.state):
                    self._run_arm(arm, data, pace)

    def _run_arm(self, arm, data, pace):
        settings, path = self._settings[arm.name], self._folder / f"{arm.name.replace(' ', '_')}.keras"
        kept = self._kept(arm)
        train = select(data.train, kept)
        if path.exists():
            plain = undamaged(path, lambda path: keras.saving.load_model(path, compile=False))
        else:
            plain = train_classifier(settings, data, train, arm.name, arm.round, self._folder, pace, self._key)
        influence = None
        if arm.counted or any(other.after == arm.name for other in self._experiment.arms):
            replace(path, plain.save)  # the training is over: what follows goes on from here
            influence = self._influence(arm, plain, train, data.validation, pace)
        self.state["arms"][arm.name] = {
            "images": len(kept),
            "dropped": len(data.train[1]) - len(kept),
            "influence": influence,
            **_errors(read_records(self._folder, arm.name)),
            "finished": True,
        }
        save_state(self._folder, self.state)
        for done in (CHECKPOINT, INFLUENCE_CHECKPOINT, path.name):
            (self._folder / done).unlink(missing_ok=True)
        last, best = (self.state["arms"][arm.name][when]["test_error"] for when in ("last", "best"))
        print(f"{arm.name}: test error {last:.2f} % (best epoch {best:.2f} %), {len(kept)} images")

    def _kept(self, arm):
        """Returns the indices of the images that an arm trains on."""
        if not arm.after:
            return np.arange(len(self._data.train[1]))
        before = next(other for other in self._experiment.arms if other.name == arm.after)
        samples = self._kept(before)
        scores = undamaged(self._folder / INFLUENCE, _read_arrays)[arm.after]
        kept = samples[~Criterion(cap=arm.cap).unfavorable(scores)]
        if len(kept) == 0:
            raise UserError(f"{arm.name}: every image would be dropped")
        if arm.random:
            return samples[control_samples(len(samples), len(kept), self._settings[arm.name].seed).random]
        return kept

    def _influence(self, arm, plain, train, validation, pace):
        """Computes the influence of every image that an arm was trained on; returns what the table says of it."""
        checkpoint = self._folder / INFLUENCE_CHECKPOINT
        key = f"{self._key} {arm.name}"
        found = classifier_influence(self._settings[arm.name], plain, train, validation, checkpoint, key, pace)
        path = self._folder / INFLUENCE
        scores = undamaged(path, _read_arrays) if path.exists() else {}
        scores[arm.name] = found.scores
        replace(path, lambda partial: np.savez(partial, **scores))
        return {
            "unfavorable": int((found.scores > 0).sum()),
            "curvature": found.curvature,
            "damping": found.damping,
            "residual": found.residual,
            "converged": found.converged,
        }


def _errors(records):
    """Returns the test errors after the last epoch and after the best, and the mean share of units kept."""
    best = min(records, key=lambda record: record["test_error"])
    found = {
        when: {name: value for name, value in record.items() if name == "epoch" or name.startswith("test_")}
        for when, record in (("last", records[-1]), ("best", best))
    }
    kept = [record["kept_share"] for record in records if "kept_share" in record]
    return found | ({"kept_share": float(np.mean(kept))} if kept else {})


def _read_arrays(path):
    with open(path, "rb") as raw, np.load(raw) as file:
        return {name: file[name] for name in file.files}
