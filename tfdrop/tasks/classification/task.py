"""Classification as a task for `tfdrop.tasks.arms`: its trainings, influences and test errors."""

import copy
import dataclasses
from functools import cached_property
from pathlib import Path

import numpy as np

from tfdrop.data.samples import select
from tfdrop.tasks.classification.class_weights import class_weights
from tfdrop.tasks.classification.data import preprocessed
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.held_out import HELD_OUT_MEASURES
from tfdrop.tasks.classification.ranking import output_folder, ranked
from tfdrop.tasks.classification.training import (
    classifier_influence,
    kept_network,
    probabilities,
    recorded_classifier,
    seen_in_training,
    train_classifier,
)
from tfdrop.tasks.ranking import INFLUENCE_RANKING, OF_OUTPUTS
from tfdrop.tasks.replay_step import of_leaving_out, record_folder, replay_as_set, replays_as_set
from tfdrop.training.log import read_records


class ClassificationTask:
    """A `tfdrop.tasks.arms.Task` whose samples are labelled images.

    Args:
        settings: `ClassifySettings`.
        data: `ClassifyData`, as it was read.
    """

    unit = "images"
    # What can differ between machines says nothing about a run, nor does what is kept of it.
    not_of_a_run = ("data_dir", "download", "drop_list", "workdir", "jit", "keep_epochs", "in_memory")

    def __init__(self, settings, data):
        self.settings = settings
        self.samples = len(data.train[1])
        self.seed = settings.seed
        self._raw = data
        self._class_weights = class_weights(settings.class_weight, data.train[1], data.classes)

    @property
    def fingerprint(self):
        """A digest of the images, as they were read."""
        return self._raw.fingerprint()

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

    def model_file(self, name):
        return kept_network(name)

    def train(self, arm, samples, folder, key, pace, records, sample_weights):
        settings, train = self.settings_of(arm), select(self.data.train, samples)
        record: Path | bool = False
        outputs = None
        if records and INFLUENCE_RANKING in settings.rankings and settings.influence == "replay":
            record = record_folder(records, settings.seed)
        if records and not set(OF_OUTPUTS).isdisjoint(settings.rankings):
            outputs = output_folder(records, settings.seed)
        weights, name, round = self.weights(samples, sample_weights), arm.name, arm.round
        return train_classifier(settings, self.data, train, name, round, folder, pace, key, record, weights, outputs)

    def influence(self, arm, model, samples, checkpoint, records):
        settings, train = self.settings_of(arm), select(self.data.train, samples)
        weights = self.weights(samples)
        if settings.rank_by != INFLUENCE_RANKING:
            return ranked(settings, self.data, arm, model, train, checkpoint, records, weights)
        if settings.influence != "replay":
            return classifier_influence(settings, model, train, self.data.validation, checkpoint, weights)
        recorded, validation = self._replayed(arm, train, weights, checkpoint)
        found = replay_as_set(settings, recorded, validation, records, checkpoint.pace)
        return found if weights is None else of_leaving_out(found, weights)

    def score_seeds(self, arm, seeds, samples, checkpoint, records):
        settings, train = self.settings_of(arm), select(self.data.train, samples)
        recorded, validation = self._replayed(arm, train, self.weights(samples), checkpoint)
        replays_as_set(settings, seeds, recorded, validation, records, checkpoint.pace)

    def _replayed(self, arm, train, weights, checkpoint):
        """Returns what `replay_as_set` asks for the recorded training from a seed, and the validation images."""

        def recorded(settings, record):
            pace, key = checkpoint.pace, checkpoint.key
            return recorded_classifier(settings, self.data, train, arm.name, arm.round, record, pace, key, weights)

        return recorded, seen_in_training(self.settings_of(arm), self.data.validation, arm.round)

    def weights(self, samples, sample_weights=None):
        """Returns the weights of some samples in training, those of their classes included; `None` if all are one."""
        if self._class_weights is None:
            return sample_weights
        weights = self._class_weights[self.data.train[1][samples]]
        return weights if sample_weights is None else weights * sample_weights

    def measure(self, arm, model, folder, result, after_step):
        """Adds the test errors after the last epoch and after the best, which were measured while it trained."""
        if self.data.held_out is not None:
            x, y = self.data.held_out
            measure = HELD_OUT_MEASURES[self.settings.trial_measure].of_images
            result["held_out"] = measure(probabilities(self.settings, model, x), y).tolist()
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
