"""The state of an experiment on disk: what it is, and what its arms have come to."""

import json

from train.program import UserError

STATE = "state.json"


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
