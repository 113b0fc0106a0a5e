"""What an experiment is, whatever it trains."""

from types import MappingProxyType
from typing import Any, NamedTuple


class Experiment(NamedTuple):
    """One experiment, run once for each seed.

    Attributes:
        name: Its name on the command line and in the table.
        about: What it is for.
        settings: Values of `tfdrop.tasks.denoising.settings.DenoiseSettings`, or of
            `tfdrop.tasks.classification.settings.ClassifySettings` where the arms are `ClassificationArm`s.
        arms: Its trainings, in order: `DenoisingArm`s or `ClassificationArm`s.
        seeds: Seeds to run.
        minutes: Expected minutes a seed, on a GPU of an H200's class unless `about` says otherwise. Estimates.
    """

    name: str
    about: str
    settings: dict
    arms: tuple
    seeds: tuple
    minutes: float

    @property
    def classifies(self):
        """Whether it is one of classification, and not of denoising."""
        return isinstance(self.arms[0], ClassificationArm)


class DenoisingArm(NamedTuple):
    """One training of a denoising experiment: on which patches, and whether they are turned and mirrored.

    Attributes:
        name: What the table calls it.
        drop: `"none"`, `"unfavorable"` (by influence after round 1), or `"random"` (as many as the criterion).
        share: Cap on the share of patches that is dropped; `None` for the criterion as printed.
        augment: Whether round 2's augmentation is on.
        paper: The paper's average on Set12 in dB, where it has one.
    """

    name: str
    drop: str = "none"
    share: float | None = None
    augment: bool = True
    paper: float | None = None


class ClassificationArm(NamedTuple):
    """One training of a classification experiment.

    Attributes:
        name: What the table calls it.
        settings: Its values of `ClassifySettings` where they are not the experiment's.
        round: The round whose augmentation and drop layers it has.
        after: Name of an earlier arm, whose images it trains on but for those that are dropped; on all if empty.
        random: Whether the images are dropped at random, as many as there are unfavorable ones by that arm's network.
        cap: Most images to drop; `None` for the criterion as printed.
        counted: Whether the images that are unfavorable by its own network are counted even where no arm drops them.
        paper: The paper's number (`train.recipes.Paper`), where it has one.
    """

    name: str
    settings: Any = MappingProxyType({})
    round: int = 1
    after: str = ""
    random: bool = False
    cap: int | None = None
    counted: bool = False
    paper: Any = None
