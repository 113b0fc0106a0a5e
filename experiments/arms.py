"""An experiment as a run of arms in a folder of its own."""

from pathlib import Path

from experiments.catalogue.experiment import Experiment
from tfdrop.tasks.arms import ArmsRun
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.tasks.denoising.task import DenoisingTask


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
    return ArmsRun(task, experiment.arms, folder, experiment.name, task.key(experiment.arms), keep=keep)
