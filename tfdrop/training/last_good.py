"""The last states of a training that are known to be good, for when its loss is no longer finite."""

import time
from typing import Any, NamedTuple

import numpy as np

from tfdrop.training.loop import Training
from tfdrop.training.step_function import copy_state, write_state

MOST_OF_THE_TIME = 0.02  # that copying may take


class Snapshot(NamedTuple):
    """A training at some step.

    Attributes:
        step: The steps taken before.
        state: A copy of its `State`, on the device.
        progress: What else goes with it.
    """

    step: int
    state: Any
    progress: dict[str, Any]


class LastGood:
    """Copies of a training's last states.

    A state is good if the loss of the step after it is finite, which shows only then: so there are two, and the older
    one is good for certain.

    Args:
        training: The training.
    """

    def __init__(self, training: Training):
        self._training = training
        self._older: Snapshot | None = None
        self._newer: Snapshot | None = None
        self._due = 0.0

    def note(self, progress: dict[str, Any]) -> None:
        """Copies the state as it is now, unless the last copy was just made."""
        start = time.monotonic()
        if start < self._due:
            return
        state = copy_state(self._training.model, self._training.optimizer)
        self._older, self._newer = self._newer, Snapshot(self._training.step, state, progress)
        end = time.monotonic()
        self._due = end + (end - start) / MOST_OF_THE_TIME

    def restore(self, first_bad: int) -> Snapshot | None:
        """Sets the training to the last good state before the step whose loss is not finite.

        Args:
            first_bad: That step, counted from 0.

        Returns:
            What was noted with that state; `None`, with nothing changed, where there is none.
        """
        found = self._newer if self._newer is not None and self._newer.step < first_bad else self._older
        if found is not None:
            write_state(found.state, self._training.model, self._training.optimizer)
        return found


def first_bad_step(training: Training, losses: np.ndarray) -> int:
    """Returns the first step whose loss is not finite, counted from 0, of those that were just taken."""
    return training.step - len(losses) + int(np.argmin(np.isfinite(losses)))
