"""Schedules: pure functions `step -> value`, for rates that change while a network trains.

Each function here makes one. A schedule is called with the number of training steps taken so far (0 at the first) and
is computed with `keras.ops`, so that a compiled `fit` follows it; it is saved in the config of the layer that has it.

    rate = tfdrop.schedules.linear(0.0, 0.9, steps=10_000)
    layer = tfdrop.layers.SelectScale(rate, top_rate=0.2)
"""

import functools
import itertools
import math

import keras
from keras import ops

from tfdrop.arguments import check_number, check_whole, invalid


@keras.saving.register_keras_serializable("tfdrop")
class Schedule:
    """A function `step -> value` that Keras can save: the name of one of this file's kinds, and its arguments.

    Args:
        kind: `"constant"`, `"linear"`, `"cosine"`, `"exponential"` or `"piecewise"`.
        arguments: The arguments of the function of that name.
    """

    def __init__(self, kind, arguments):
        self.kind = kind
        self.arguments = dict(arguments)
        self._value_at = functools.partial(_KINDS[kind], **arguments)

    def __call__(self, step):
        return self._value_at(ops.cast(step, "float32"))

    @property
    def bounds(self):
        """The least and the greatest value that the schedule takes."""
        ends = [value for name, value in self.arguments.items() if name in ("value", "start", "stop")]
        values = [*ends, *self.arguments.get("values", ())]
        return min(values), max(values)

    def get_config(self):
        return {"kind": self.kind, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"{self.kind}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    def __eq__(self, other):
        return isinstance(other, Schedule) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash(repr(self))


def constant(value):
    """Makes the schedule that stays at one value.

    Args:
        value: The value.
    """
    return Schedule("constant", {"value": check_number("value", value)})


def linear(start, stop, steps, delay=0):
    """Makes the schedule that goes from one value to another in a straight line, and stays there.

    Args:
        start: The value until step `delay`.
        stop: The value from step `delay + steps` on.
        steps: How many steps the way takes.
        delay: How many steps to wait before it begins.

    Reference:
        "they linearly decrease the data retaining rate during training" (SelectScale, section 3.4).
    """
    return Schedule("linear", _way(start, stop, steps, delay))


def cosine(start, stop, steps, delay=0):
    """Makes the schedule that goes from one value to another along half a cosine: slow, fast, slow.

    Args:
        start: The value until step `delay`.
        stop: The value from step `delay + steps` on.
        steps: How many steps the way takes.
        delay: How many steps to wait before it begins.
    """
    return Schedule("cosine", _way(start, stop, steps, delay))


def exponential(start, stop, steps, delay=0):
    """Makes the schedule that closes in on a value, by the same part of what is missing at each step.

    Args:
        start: The value until step `delay`.
        stop: The value that it tends to.
        steps: After how many steps 1/e (37 %) of the way is still to go.
        delay: How many steps to wait before it begins.

    Reference:
        Morerio et al., "Curriculum Dropout", 2017, eq. (2).
    """
    return Schedule("exponential", _way(start, stop, steps, delay))


def piecewise(boundaries, values):
    """Makes the schedule that jumps from value to value.

    Args:
        boundaries: The steps at which it jumps, increasing: `values[i + 1]` holds from step `boundaries[i]` on.
        values: One value more than there are boundaries.
    """
    boundaries = [check_whole("boundaries", step, lowest=0) for step in boundaries]
    values = [check_number("values", value) for value in values]
    if len(values) != len(boundaries) + 1:
        raise invalid("values", f"{len(boundaries) + 1} of them, one more than there are boundaries", values)
    if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
        raise invalid("boundaries", "steps in increasing order", boundaries)
    return Schedule("piecewise", {"boundaries": boundaries, "values": values})


def _constant(step, value):
    return ops.zeros_like(step) + value


def _linear(step, start, stop, steps, delay):
    return start + (stop - start) * ops.clip((step - delay) / steps, 0.0, 1.0)


def _cosine(step, start, stop, steps, delay):
    way = ops.clip((step - delay) / steps, 0.0, 1.0)
    return start + (stop - start) * (1.0 - ops.cos(math.pi * way)) / 2.0


def _exponential(step, start, stop, steps, delay):
    return stop + (start - stop) * ops.exp(-ops.maximum(step - delay, 0.0) / steps)


def _piecewise(step, boundaries, values):
    value = _constant(step, values[0])
    for boundary, following in zip(boundaries, values[1:], strict=True):
        value = ops.where(step >= boundary, following, value)
    return value


_KINDS = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "exponential": _exponential,
    "piecewise": _piecewise,
}


def _way(start, stop, steps, delay):
    return {
        "start": check_number("start", start),
        "stop": check_number("stop", stop),
        "steps": check_whole("steps", steps),
        "delay": check_whole("delay", delay, lowest=0),
    }
