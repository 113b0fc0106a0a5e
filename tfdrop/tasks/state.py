"""The state of a run of arms on disk: what it is, and what its arms have come to."""

import contextlib
import time

from tfdrop.errors import UserError
from tfdrop.whole_files import DamageError, damage, newest_whole, replace, sealed_text, sealed_values

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
    replace(folder / STATE, lambda partial: partial.write_text(sealed_text(state)), keep=True)


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


def read_state(path):
    """Returns the state in a file, or the one before where it is damaged; `None` if there is none.

    Raises:
        UserError: If what there is is damaged.
    """
    return newest_whole(path, _read)


def _read(path):
    with damage(path):
        state = sealed_values(path.read_text())
    if not isinstance(state.get("arms"), dict):
        raise DamageError(f"checkpoint {path} is damaged")
    return state


def finished_arms(state):
    """Returns the results of the arms that have been trained and scored, by the arms' names."""
    return {name: result for name, result in state["arms"].items() if result.get("finished")}


def is_finished(experiment, state):
    """Tells whether every arm of an experiment is finished; `state` is `None` where it has not begun."""
    return state is not None and finished_arms(state).keys() >= {arm.name for arm in experiment.arms}
