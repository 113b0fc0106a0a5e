"""Runs the next unfinished experiment for a while.

python -m experiments.run --data_dir=DIR --minutes=9
python -m experiments.run --data_dir=DIR --minutes=9 --name=dncnn_s25-seed0
"""

import sys
import time
from pathlib import Path

from absl import flags

from experiments.catalogue import CATALOGUE
from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.errors import UserError
from tfdrop.tasks.classification import data as classification_data
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising import data as denoising_data
from tfdrop.tasks.denoising.data import check_folders
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.lock import InUseError, locked
from tfdrop.tasks.state import STATE, finished_arms, is_finished, read_state
from train.interruption import stoppable
from train.program import run

MINUTES = flags.DEFINE_float("minutes", 9.0, "Stop, with everything saved, before so many minutes have passed.")
NAME = flags.DEFINE_string(
    "name", "", "An experiment, all its seeds or one (NAME-seed0); the next unfinished if empty."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir",
    ".",
    "Folder of the data sets, prepared or as .npz files; Train400, BSD68 and Set12 in it or in denoising.",
)
RUNS = flags.DEFINE_string("runs", "runs/experiments", "Folder of the experiments' own folders.")


def main():
    deadline = time.monotonic() + 60 * MINUTES.value
    candidates = _candidates()
    _, first, seed = candidates[0]
    if not first.classifies:
        check_folders(_settings(first, seed))
    worked = False
    for name, experiment, seed in candidates:
        folder = Path(RUNS.value) / name
        if is_finished(experiment, read_state(folder / STATE)):
            continue
        if time.monotonic() >= deadline:
            if worked:
                return
            raise UserError(f"--minutes={MINUTES.value}: too little time to do one step")
        try:
            with locked(folder):
                _run(name, experiment, _settings(experiment, seed), folder, deadline)
        except InUseError as error:
            if NAME.value == name:
                raise
            print(f"{name}: {error}")
            continue
        worked = True
    print("Nothing is left to run.")


def _run(name, experiment, settings, folder, deadline):
    """Goes on with an experiment; ends the program where time is up or somebody wants it to stop."""
    # Only now: importing TensorFlow takes seconds and writes to stderr, and bad input should do neither.
    from experiments.arms import arms_run
    from tfdrop.environment import environment

    print(f"{name}: {experiment.about}")
    data = (classification_data if experiment.classifies else denoising_data).read_data(settings)
    todo = arms_run(experiment, settings, data, folder)
    with stoppable() as stop:
        try:
            todo.run(Pace(deadline=deadline, interrupted=stop.wanted), environment())
        except (OutOfTime, KeyboardInterrupt):
            why = "interrupted" if stop.wanted() else "time is up"
            print(f"{name}: {why}; {_done(todo, experiment)}, the rest goes on from here")
            sys.exit(stop.status if stop.wanted() else 0)
    print(f"{name}: finished")


def _candidates():
    """Returns `(name, experiment, seed)` of what `--name` asks for, in the catalogue's order."""
    everything = [
        (f"{experiment.name}-seed{seed}", experiment, seed) for experiment in CATALOGUE for seed in experiment.seeds
    ]
    chosen = [entry for entry in everything if NAME.value in ("", entry[0], entry[1].name)]
    if not chosen:
        known = ", ".join(experiment.name for experiment in CATALOGUE)
        raise UserError(f"--name={NAME.value}: unknown experiment, known are {known}")
    return chosen


def _settings(experiment, seed):
    if experiment.classifies:
        return ClassifySettings(**experiment.settings, seed=seed, data_dir=DATA_DIR.value)
    photographs = Path(DATA_DIR.value).expanduser() / "denoising"
    data_dir = str(photographs) if photographs.is_dir() else DATA_DIR.value
    return DenoiseSettings(**experiment.settings, seed=seed, data_dir=data_dir)


def _done(todo, experiment):
    return f"{len(finished_arms(todo.state))} of {len(experiment.arms)} arms are done"


if __name__ == "__main__":
    run(main)
