"""The state of a run of arms on disk: what it is, and what its arms have come to."""

import contextlib
import json
import time
import zipfile

from tfdrop.checkpoint import replace
from tfdrop.errors import UserError

STATE = "state.json"


def open_state(folder, name, key):
    """Returns the state of the experiment in a folder, a new one if there is none; makes the folder.

    Args:
        folder: The experiment's own folder.
        name: The experiment's name.
        key: Text that says what the experiment depends on.

    Raises:
        UserError: If the folder holds another experiment, or one with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = read_state(folder / STATE)
    if state is None:
        return {"experiment": name, "key": key, "arms": {}, "environments": [], "seconds": 0.0}
    if state.get("key") != key:
        raise UserError(f"checkpoint {folder / STATE} belongs to another experiment or version of it")
    return state


def save_state(folder, state):
    """Writes a state to an experiment's folder."""
    replace(folder / STATE, lambda partial: partial.write_text(json.dumps(state, indent=1) + "\n"))


@contextlib.contextmanager
def noted(folder, state, environment):
    """Notes in a state with and on what the block runs, and how long it takes, however it ends."""
    start = time.monotonic()
    if environment is not None and environment not in state["environments"]:
        state["environments"].append(environment)
    save_state(folder, state)
    try:
        yield
    finally:
        state["seconds"] += time.monotonic() - start
        save_state(folder, state)


@contextlib.contextmanager
def timed(state, arm, step):
    """Adds the time that the block takes, however it ends, to that of a step of an arm over all starts.

    These are the paper's T, T_s and T_d (section V): training in round 1 and 2, and finding the samples to drop.
    """
    start = time.monotonic()
    try:
        yield
    finally:
        seconds = state.setdefault("timings", {}).setdefault(arm, {})
        seconds[step] = seconds.get(step, 0.0) + time.monotonic() - start


def undamaged(path, read):
    """Returns `read(path)`; a `UserError` names the file if it cannot be read."""
    try:
        return read(path)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"checkpoint {path} is damaged") from error


def read_state(path):
    """Returns the state in a file, or `None` if there is none.

    Raises:
        UserError: If the file is damaged.
    """
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"checkpoint {path} is damaged") from error
    if not isinstance(state, dict) or not isinstance(state.get("arms"), dict):
        raise UserError(f"checkpoint {path} is damaged")
    return state


def finished_arms(state):
    """Returns the results of the arms that have been trained and scored, by the arms' names."""
    return {name: result for name, result in state["arms"].items() if result.get("finished")}


def is_finished(experiment, state):
    """Tells whether every arm of an experiment is finished; `state` is `None` where it has not begun."""
    return state is not None and finished_arms(state).keys() >= {arm.name for arm in experiment.arms}
