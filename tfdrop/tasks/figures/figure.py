"""What a figure is, and what can be asked of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfdrop.errors import UserError
from tfdrop.tasks.arm import round_name
from tfdrop.tasks.run_folder import RunFolder


class Options(NamedTuple):
    """What a figure shows of its runs.

    Attributes:
        labels: What the runs are called; their folders' names where there are none.
        training: The training whose network or curves are shown; that of the last round if empty.
        epochs: Epochs after which networks were kept, to show beside the final one.
        images: Indices of test or validation images.
        classes: Names of classes.
        number: How many images or samples are shown.
        setting: The setting on the horizontal axis.
        method: How maps are made: `"auto"`, `"cam"` or `"grad_cam"`.
        influence: How the influence of pairs is found: `"functions"` or `"replay"`.
    """

    labels: Sequence[str] = ()
    training: str = ""
    epochs: Sequence[int] = ()
    images: Sequence[int] = ()
    classes: Sequence[str] = ()
    number: int = 0
    setting: str = ""
    method: str = "auto"
    influence: str = "functions"


class Figure(NamedTuple):
    """A figure.

    Attributes:
        source: The figure of a paper that it is.
        about: What it shows, and which options it takes.
        draw: Function `(target, runs, options)` that writes it.
    """

    source: str
    about: str
    draw: Callable[[Any, Sequence[RunFolder], Options], None]


def labelled(runs: Sequence[RunFolder], options: Options) -> list[tuple[str, RunFolder]]:
    """Returns the runs with what they are called."""
    if options.labels and len(options.labels) != len(runs):
        raise UserError(f"--labels={','.join(options.labels)}: expected {len(runs)}, one for each --workdir")
    return list(zip(options.labels or [run.name for run in runs], runs, strict=True))


def shown_training(run: RunFolder, options: Options) -> str:
    """Returns the name of the training that is shown of a run."""
    return options.training or round_name(run.settings.rounds)


def only(runs: Sequence[RunFolder], classifies: bool) -> None:
    """Raises a `UserError` unless all runs are of one task."""
    for run in runs:
        if run.classifies != classifies:
            kind = "classification" if classifies else "denoising"
            raise UserError(f"--workdir={run.path}: expected a {kind} run")


def one(runs: Sequence[RunFolder]) -> RunFolder:
    """Returns the only run."""
    if len(runs) != 1:
        raise UserError(f"--workdir: expected one run, and there are {len(runs)}")
    return runs[0]
