"""What an experiment is, whatever it trains."""

from typing import Any, NamedTuple

from tfdrop.tasks.arm import Arm

CLASSIFICATION, DENOISING = "classification", "denoising"


class Experiment(NamedTuple):
    """One experiment, run once for each seed.

    Attributes:
        name: Its name on the command line and in the table.
        about: What it is for.
        settings: Values of the settings of its task: `DenoiseSettings` or `ClassifySettings`.
        arms: Its trainings, in order.
        seeds: Seeds to run.
        minutes: Expected minutes per seed, on a GPU of an H200's class unless `about` says otherwise. Estimates.
        task: `"denoising"` or `"classification"`.
    """

    name: str
    about: str
    settings: dict[str, Any]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    minutes: float
    task: str = DENOISING

    @property
    def classifies(self) -> bool:
        """Whether it is one of classification, and not of denoising."""
        return self.task == CLASSIFICATION
