"""An experiment as a run of arms in a folder of its own."""

import json
from pathlib import Path

from experiments.catalogue.experiment import Experiment
from tfdrop.tasks.arms import ArmsRun
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.tasks.denoising.task import DenoisingTask
from tfdrop.tasks.settings import ONE_DEVICE

# Settings that keys of earlier releases do not have, where they are what they then were.
SINCE_ADDED = (("distribute", ONE_DEVICE), ("activation", "relu"))
SINCE_ADDED_TO_DENOISING = (("schedule", "steps"),)


def arms_run(experiment: Experiment, settings, data, folder: str | Path) -> ArmsRun:
    """Returns the run of an experiment, which holds all that it needs to go on on another machine.

    Args:
        experiment: The experiment.
        settings: Its settings, seed included.
        data: What was read for it.
        folder: The folder.

    Raises:
        UserError: If the folder holds another experiment, or one with other settings.
    """
    classifies = isinstance(settings, ClassifySettings)
    task = (ClassificationTask if classifies else DenoisingTask)(settings, data)
    # A denoiser is a megabyte at most, and worth having.
    keep = "none" if classifies else "scored"
    return ArmsRun(task, experiment.arms, folder, experiment.name, _key(task, experiment.arms), keep=keep)


def _key(task, arms):
    """Returns the text that says all that arms depend on."""
    added = SINCE_ADDED + (SINCE_ADDED_TO_DENOISING if isinstance(task, DenoisingTask) else ())
    settings = {
        arm.name: {
            name: value
            for name, value in vars(task.settings_of(arm)).items()
            if name not in task.not_of_a_run and (name, value) not in added
        }
        for arm in arms
    }
    return json.dumps({"seed": task.seed, "images": task.fingerprint, "arms": settings})
