"""A rate that can change while a compiled `fit` runs: a number in a variable, or a schedule over the step."""

from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from tfdrop.arguments import check_share, invalid
from tfdrop.layers.seeded_layer import SeededLayer

# A fixed rate, or a schedule: a function of the step.
Rate = float | Callable[[Any], Any]


class RatedLayer(SeededLayer):
    """A layer whose strength is one number, its `rate`: fixed, changed by hand, or following a schedule.

    Tracing the training step would freeze a Python number read in `call`, so the rate is kept in a variable. It is not
    part of weights files: loading other weights never changes the rate a layer was built with (though, like every
    variable, it is among `get_weights()`). Saving the model as `.keras` keeps the current rate in the config.

    Args:
        rate: A float in the layer's range, or a schedule: a function `step -> rate` such as those of
            `tfdrop.schedules`, or any other that Keras can serialize, whose values are then clipped to the range.
        highest_rate: The greatest rate that the layer accepts.
        below_one: Whether a rate of 1 is excluded in any case.
        seed: Optional integer seed.
        **kwargs: The usual arguments of a layer.
    """

    def __init__(
        self,
        rate: Rate,
        highest_rate: float = 1.0,
        below_one: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self._highest_rate = highest_rate
        self._below_one = below_one
        self.schedule: Callable[[Any], Any] | None = None
        initial = 0.0
        if callable(rate):
            self.schedule = rate
            # Only our own schedules tell their bounds; the values of others are clipped when they are called.
            for value in getattr(rate, "bounds", ()):
                self._check(value)
        else:
            initial = self._check(rate)
        # Without autocast=False a half-precision layer would read a rate rounded to three digits.
        self._rate = self.add_weight(
            name="rate",
            dtype="float32",
            trainable=False,
            autocast=False,
            initializer=keras.initializers.Constant(initial),
        )

    def _check(self, rate: float) -> float:
        return check_share("rate", rate, highest=self._highest_rate, below_one=self._below_one)

    def begin_step(self) -> tuple[Any, Any]:
        """Counts one training step. Returns the random state and the rate of this step."""
        state = self.seed_generator.next()
        if self.schedule is not None:
            self._rate.assign(self._scheduled_rate(self.schedule, state[1]))
        # A cast, because converting a Keras variable to a tensor would return the variable.
        return state, ops.cast(self._rate, "float32")

    def _scheduled_rate(self, schedule: Callable[[Any], Any], step: Any) -> Any:
        # A layer that divides by the share it keeps must never reach 1.
        highest = min(self._highest_rate, 1.0 - 1e-6) if self._below_one else self._highest_rate
        return ops.clip(ops.cast(schedule(step), "float32"), 0.0, highest)

    @property
    def rate(self) -> float:
        """The current rate; for a schedule, its value at the next training step. Assigning it takes effect at once."""
        if self.schedule is None:
            return float(ops.convert_to_numpy(self._rate))
        return float(ops.convert_to_numpy(self._scheduled_rate(self.schedule, self.seed_generator.state[1])))

    @rate.setter
    def rate(self, rate: float) -> None:
        if self.schedule is not None:
            raise ValueError(
                f"The rate of layer {self.name!r} follows a schedule and cannot be assigned: rate={rate!r}"
            )
        if callable(rate):
            raise invalid("rate", "a float (a schedule can only be set when the layer is created)", rate)
        self._rate.assign(self._check(rate))

    def get_config(self) -> dict[str, Any]:
        scheduled = self.schedule is not None
        rate = keras.saving.serialize_keras_object(self.schedule) if scheduled else self._configured_rate()
        return {**super().get_config(), "rate": rate}

    def _configured_rate(self) -> float:
        # The float32 variable turns 0.1 into 0.10000000149; this is the shortest decimal of the same float32.
        return float(str(ops.convert_to_numpy(self._rate)))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if isinstance(config["rate"], dict):
            config = {**config, "rate": keras.saving.deserialize_keras_object(config["rate"])}
        return super().from_config(config)
