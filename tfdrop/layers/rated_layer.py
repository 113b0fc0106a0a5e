"""A rate that can change while a compiled `fit` runs: a number in a variable, or a schedule over the step."""

import keras
from keras import ops

from tfdrop.arguments import check_share, invalid
from tfdrop.layers.seeded_layer import SeededLayer


class RatedLayer(SeededLayer):
    """A layer whose strength is one number, its `rate`: fixed, changed by hand, or following a schedule.

    A Python number read in `call` would be baked in when the training step is traced, so the rate stands in a variable.
    It is no part of weights files: the rate a layer is built with is never overridden by loading other weights (it is
    among `get_weights()`, as every variable is). Saving the model as `.keras` keeps the current rate, in the config.

    Args:
        rate: A float in the layer's range, or a schedule: a function `step -> rate` such as those of
            `tfdrop.schedules`, or any other that Keras can serialize, whose values are then clipped to the range.
        highest_rate: The greatest rate that the layer takes.
        below_one: Whether a rate of 1 is outside the range all the same.
        seed: Optional integer seed.
    """

    def __init__(self, rate, highest_rate=1.0, below_one=False, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self._highest_rate = highest_rate
        self._below_one = below_one
        self.schedule = rate if callable(rate) else None
        if self.schedule is None:
            initial = self._check(rate)
        else:
            # Only our own schedules say between which values they run: others are clipped when they are called.
            for value in getattr(rate, "bounds", ()):
                self._check(value)
            initial = 0.0
        # Without autocast=False a half-precision layer would read a rate rounded to three digits.
        self._rate = self.add_weight(
            name="rate",
            dtype="float32",
            trainable=False,
            autocast=False,
            initializer=keras.initializers.Constant(initial),
        )

    def _check(self, rate):
        return check_share("rate", rate, highest=self._highest_rate, below_one=self._below_one)

    def begin_step(self):
        """Counts one training step. Returns the random state of this step and its rate."""
        state = self.seed_generator.next()
        if self.schedule is not None:
            self._rate.assign(self._scheduled_rate(state[1]))
        # A cast, as converting a Keras variable to a tensor would hand back the variable.
        return state, ops.cast(self._rate, "float32")

    def _scheduled_rate(self, step):
        # A layer that divides by the share it keeps must never reach 1.
        highest = min(self._highest_rate, 1.0 - 1e-6) if self._below_one else self._highest_rate
        return ops.clip(ops.cast(self.schedule(step), "float32"), 0.0, highest)

    @property
    def rate(self):
        """The rate now: of a schedule, its value at the coming training step. Assigning it takes effect at once."""
        if self.schedule is None:
            return float(ops.convert_to_numpy(self._rate))
        return float(ops.convert_to_numpy(self._scheduled_rate(self.seed_generator.state[1])))

    @rate.setter
    def rate(self, rate):
        if self.schedule is not None:
            raise ValueError(
                f"The rate of layer {self.name!r} follows a schedule and cannot be assigned: rate={rate!r}"
            )
        if callable(rate):
            raise invalid("rate", "a float (a schedule is given when the layer is made)", rate)
        self._rate.assign(self._check(rate))

    def get_config(self):
        scheduled = self.schedule is not None
        rate = keras.saving.serialize_keras_object(self.schedule) if scheduled else self._configured_rate()
        return {**super().get_config(), "rate": rate}

    def _configured_rate(self):
        # 0.1 goes through the float32 variable as 0.10000000149: the shortest decimal that means the same float32.
        return float(str(ops.convert_to_numpy(self._rate)))

    @classmethod
    def from_config(cls, config):
        if isinstance(config["rate"], dict):
            config = {**config, "rate": keras.saving.deserialize_keras_object(config["rate"])}
        return super().from_config(config)
