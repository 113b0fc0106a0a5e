"""The walk from the end of a training back to its start."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tfdrop.influence.phases import Phases
from tfdrop.influence.replay.horizon import Horizon
from tfdrop.progress import Progress
from tfdrop.training import Training
from tfdrop.training.recording import check_reached, states_between
from tfdrop.training.step_function import State, named_arrays, named_state, put_back


class Walk:
    """One walk back, which goes on from a checkpoint.

    Args:
        training: A finished, recorded `Training`.
        cotangent: The measure's derivative with respect to the last state.
        horizon: A `Horizon`.
        phases: `Phases` of a checkpoint.
        verbose: As in `Progress`.

    Attributes:
        derivatives: The measure's derivative with respect to each sample's weight.
        kept: Number of states that were read from the record.
        recomputed: Number of states that were computed again.
    """

    def __init__(self, training: Training, cotangent: State, horizon: Horizon, phases: Phases, verbose: int | str):
        self._training = training
        self._cotangent = cotangent
        self._horizon = horizon
        self._phases = phases
        self._verbose = verbose
        self._step = training.steps
        self.derivatives = np.zeros(training.samples)
        self.kept = self.recomputed = 0
        start = phases.start("replay")
        if start:
            self._restore(start)
        else:
            horizon.add(cotangent.weights)

    def run(self) -> None:
        """Walks to the horizon."""
        training, horizon = self._training, self._horizon
        backward = training.backward()
        sample_weights = training.weight_of_each_sample
        progress = Progress("Replaying the training", training.steps - horizon.first, self._verbose, unit="steps")
        with put_back(training.model, training.optimizer), progress:
            progress.resume(training.steps - self._step)
            for step, state in self._states():
                batch = training.batch(step)
                weights = sample_weights[batch]
                self._cotangent, found, following = backward.backward(state, batch, weights, self._cotangent)
                if step == training.steps - 1:
                    check_reached(training, step + 1, state, following)
                self.derivatives[batch] += keras.ops.convert_to_numpy(found)
                self._step = step
                self._measure_norm(step)
                progress.advance(norm=horizon.norms[-1])
                self._phases.after_step("replay", self._arrays)
                if horizon.is_past:
                    break

    def _measure_norm(self, step: int) -> None:
        """Notes how long the cotangent is.

        Raises:
            ValueError: If that is not finite; it says how far to walk instead, and where it happened.
        """
        try:
            self._horizon.add(self._cotangent.weights)
        except ValueError as error:
            training = self._training
            epoch, rate = step // training.steps_per_epoch + 1, training.learning_rate_of(step)
            where = f"they overflow at step {step + 1}, in epoch {epoch}, with learning rate {rate:.3g}"
            raise ValueError(f"{error} ({where}; the training is as it was)") from error

    def _states(self) -> Iterator[tuple[int, State]]:
        """Yields the steps that are left with the states before them, backwards."""
        training, earliest = self._training, self._horizon.first
        kept = training.record.steps
        for first in reversed([step for step in kept if step < self._step]):
            upper = self._step
            if upper <= earliest or self._horizon.is_past:
                return
            states = self._segment(first, upper)
            for step in reversed(range(max(first, earliest), upper)):
                yield step, states.pop() if step > first else states[0]

    def _segment(self, first: int, upper: int) -> list[State]:
        """Returns the states before the steps from a kept one on, up to `upper`: those between are computed again."""
        self.kept += 1
        self.recomputed += upper - first - 1
        return list(states_between(self._training, first, upper))

    def _arrays(self) -> dict[str, Any]:
        numbers = [self._step, self.kept, self.recomputed]
        ours = {"derivatives": self.derivatives, "norms": np.array(self._horizon.norms)}
        return named_arrays(self._cotangent) | ours | {"numbers": np.array(numbers)}

    def _restore(self, start: dict[str, np.ndarray]) -> None:
        self._cotangent = named_state(start)
        self.derivatives = start["derivatives"]
        self._horizon.norms = start["norms"].tolist()
        self._step, self.kept, self.recomputed = (int(number) for number in start["numbers"])
