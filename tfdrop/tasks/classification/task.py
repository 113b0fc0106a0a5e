"""Classification as a task for `tfdrop.tasks.arms`: its trainings, influences and test errors."""

import copy
import dataclasses
import json
from functools import cached_property

import numpy as np

from tfdrop.data.samples import select
from tfdrop.tasks.classification.data import preprocessed
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.training import (
    brier_scores,
    classifier_influence,
    probabilities,
    recorded_classifier,
    seen_in_training,
    train_classifier,
)
from tfdrop.tasks.replay_step import record_folder, replay_as_set
from tfdrop.training.log import read_records

# What can differ between machines says nothing about a run.
OF_A_MACHINE = ("data_dir", "download", "drop_list", "workdir", "jit")


class ClassificationTask:
    """A `tfdrop.tasks.arms.Task` whose samples are labelled images.

    Args:
        settings: `ClassifySettings`.
        data: `ClassifyData`, as it was read.
    """

    unit = "images"

    def __init__(self, settings, data):
        self.settings = settings
        self.samples = len(data.train[1])
        self.seed = settings.seed
        self._raw = data

    @cached_property
    def _preprocessed(self):
        """What the images go through is the same for all arms."""
        return preprocessed(self.settings, self._raw)

    @property
    def data(self):
        """The preprocessed `ClassifyData`."""
        return self._preprocessed[0]

    @property
    def preprocessing(self):
        """What the images went through."""
        return self._preprocessed[1]

    def of_seed(self, seed):
        """Returns the same task with another seed; the images are not preprocessed again."""
        task = copy.copy(self)
        task.settings, task.seed = dataclasses.replace(self.settings, seed=seed), seed
        return task

    def settings_of(self, arm):
        """Returns the settings of an arm."""
        return with_usual_values(dataclasses.replace(self.settings, **arm.settings))

    def key(self, arms):
        """Returns the text that says all that arms depend on."""
        settings = {
            arm.name: {name: value for name, value in vars(self.settings_of(arm)).items() if name not in OF_A_MACHINE}
            for arm in arms
        }
        return json.dumps({"seed": self.seed, "images": self._raw.fingerprint(), "arms": settings})

    def model_file(self, name):
        return f"{name.replace(' ', '_')}.keras"

    def train(self, arm, samples, folder, key, pace, records, sample_weights):
        settings, train = self.settings_of(arm), select(self.data.train, samples)
        record = record_folder(records, settings.seed) if records and settings.influence == "replay" else False
        name, round = arm.name, arm.round
        return train_classifier(settings, self.data, train, name, round, folder, pace, key, record, sample_weights)

    def influence(self, arm, model, samples, checkpoint, records):
        settings, train = self.settings_of(arm), select(self.data.train, samples)
        if settings.influence != "replay":
            return classifier_influence(settings, model, train, self.data.validation, checkpoint)

        def recorded(settings, record):
            pace, key = checkpoint.pace, checkpoint.key
            return recorded_classifier(settings, self.data, train, arm.name, arm.round, record, pace, key)

        validation = seen_in_training(settings, self.data.validation, arm.round)
        return replay_as_set(settings, recorded, validation, records, checkpoint.pace)

    def measure(self, arm, model, folder, result, after_step):
        """Adds the test errors after the last epoch and after the best, which were measured while it trained."""
        if self.data.held_out is not None:
            x, y = self.data.held_out
            result["held_out"] = brier_scores(probabilities(self.settings, model, x), y).tolist()
        records = read_records(folder, arm.name)
        result["last"] = _errors(records[-1])
        best = min(records, key=lambda record: record["test_error"])
        result["best"] = {**_errors(best), "chosen_on": "test set"}  # as FocusedDropout's paper does
        kept = [record["kept_share"] for record in records if "kept_share" in record]
        if kept:
            result["kept_share"] = float(np.mean(kept))
        last, best = (result[when]["test_error"] for when in ("last", "best"))
        print(f"{arm.name}: test error {last:.2f} % (best epoch {best:.2f} %), {result[self.unit]} images")


def _errors(record):
    errors = {name: value for name, value in record.items() if name.startswith("test_")}
    return {"epoch": int(record["epoch"]), **errors}
