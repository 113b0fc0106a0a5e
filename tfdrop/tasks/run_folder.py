"""The folder of a finished run, read again: its settings, its result, and the images that it was made from."""

import csv
import dataclasses
import json
import shlex
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.checkpoint import read_arrays
from tfdrop.tasks import former_names
from tfdrop.tasks.arms import INFLUENCE
from tfdrop.tasks.classification.data import read_data as read_classification_data
from tfdrop.tasks.classification.drop_layers import OPTIONAL, with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising.data import read_data as read_denoising_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.drop_list import DROP_LIST
from tfdrop.tasks.fields import values_before
from tfdrop.tasks.ranking import INFLUENCE_RANKING
from tfdrop.tasks.workdir import RESULT, SETTINGS
from tfdrop.training.log import read_records


class SeedRun(NamedTuple):
    """One seed's part of a run.

    Attributes:
        seed: The seed.
        folder: Where its files are.
        result: Its part of the result.
    """

    seed: int
    folder: Path
    result: dict[str, Any]

    def curve(self, training: str, quantity: str) -> list[float]:
        """Returns a quantity of a training, epoch by epoch; empty where it was not recorded."""
        return [record[quantity] for record in read_records(self.folder, training) if quantity in record]

    def influence(self) -> dict[str, np.ndarray]:
        """Returns the table of the samples' influences, an array a column; empty where it was not found."""
        table = self.scores()
        return table if INFLUENCE_RANKING in table else {}

    def scores(self) -> dict[str, np.ndarray]:
        """Returns the table of what the samples were ranked by, an array a column; empty where nothing was scored."""
        path = self.folder / INFLUENCE
        return read_arrays(path) if path.exists() else {}

    def listed(self) -> dict[int, dict[str, str]]:
        """Returns the rows of the list for a human, by the samples' indices; its decisions may have been edited."""
        path = self.folder / DROP_LIST
        if not path.exists():
            return {}
        with open(path, newline="", encoding="utf-8-sig") as file:
            return {int(row["index"]): row for row in csv.DictReader(file) if (row.get("index") or "").isdecimal()}


class RunFolder:
    """The folder of a finished run.

    Args:
        path: The folder.
        data: The data that it was made from, where that is at hand.
        data_dir: Folder of the data sets, where they are not where they were.

    Attributes:
        path: The folder.
        settings: Its `ClassifySettings` or `DenoiseSettings`.
        result: Its result.
        classifies: Whether it is a classification run.

    Raises:
        ValueError: If the folder holds no finished run.
    """

    def __init__(self, path: str | Path, data: Any = None, data_dir: str = ""):
        self.path = Path(path).expanduser()
        try:
            there = json.loads((self.path / SETTINGS).read_text())
            self.result = json.loads((self.path / RESULT).read_text())
            self.classifies = "dataset" in there
            self.settings = recorded_settings(there, data_dir)
            self._images = there.get("inputs", {}).get("images")
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: holds no finished run ({error})") from error
        self._given = data

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.path.resolve().name

    @cached_property
    def seeds(self) -> list[SeedRun]:
        """The parts of its seeds."""
        if "runs" not in self.result:
            return [SeedRun(self.settings.seed, self.path, self.result)]
        alone = self.settings.seeds == 1
        return [
            SeedRun(part["seed"], self.path if alone else self.path / f"seed{part['seed']}", part)
            for part in self.result["runs"]
        ]

    @cache  # noqa: B019 (there are a few folders, and they end with the program)
    def data(self, seed: int) -> Any:
        """Returns the data of a seed: `ClassifyData` or `DenoiseData`.

        Raises:
            ValueError: If it cannot be read any more, or is other data now.
        """
        first = self.classifies or seed == self.settings.seed
        if first and self._given is not None:
            return self._given
        read: Any = read_classification_data if self.classifies else read_denoising_data
        data = read(dataclasses.replace(self.settings, seed=self.settings.seed if self.classifies else seed))
        if first and data.fingerprint() != self._images:
            raise ValueError(f"{self.path}: its images are other ones now")
        return data

    @property
    def command(self) -> str:
        """The command that makes the run again, but for its folder."""
        program = "train.classify" if self.classifies else "train.denoise"
        return shlex.join(["python", "-m", program, *_flags(self.settings)])


def recorded_settings(there: Mapping[str, Any], data_dir: str) -> Any:
    """Returns the `ClassifySettings` or `DenoiseSettings` that a run's file of settings says, by whatever release."""
    kind, former = (
        (ClassifySettings, former_names.EVERYWHERE) if "dataset" in there else (DenoiseSettings, former_names.DENOISING)
    )
    known = {field.name for field in dataclasses.fields(kind)}
    values = {name: value for name, value in former_names.renamed(there, former).items() if name in known}
    return kind(**values_before(kind) | values | ({"data_dir": data_dir} if data_dir else {}))


def _flags(settings: Any) -> list[str]:
    """Returns the flags that say how settings differ from the defaults."""
    defaults = type(settings)()
    given = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != getattr(defaults, field.name)
    }
    given.pop("workdir", None)
    if isinstance(settings, ClassifySettings) and settings.chooses_cap:
        given["rank_by"] = settings.rank_by  # which the other defaults may not have
    if isinstance(settings, ClassifySettings):  # what a drop layer has anyway need not be said
        for name in OPTIONAL:
            nothing: dict[str, Any] = {name: None}
            without = dataclasses.replace(settings, **nothing)
            if name in given and with_usual_values(without) == settings:
                del given[name]
    return [_flag(name, value) for name, value in given.items()]


def _flag(name, value):
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    return f"--{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
