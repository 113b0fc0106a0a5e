"""Schedules: pure functions `step -> value`, for rates that change while a network trains.

Each function here creates one. A schedule is called with the number of training steps taken so far (0 at the first) and
computed with `keras.ops`, so that a compiled `fit` follows it; it is saved in the config of the layer that uses it.

>>> import tfdrop
>>> rate = tfdrop.schedules.linear(0.0, 0.9, steps=10_000)
>>> layer = tfdrop.layers.SelectScale(rate, top_rate=0.2)
>>> [round(float(rate(step)), 2) for step in (0, 5_000, 20_000)]
[0.0, 0.45, 0.9]
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
from keras import ops

from tfdrop.arguments import check_number, check_whole, invalid


@keras.saving.register_keras_serializable("tfdrop")
class Schedule:
    """A function `step -> value` that Keras can save: the name of one of this module's kinds, and its arguments.

    Args:
        kind: `"constant"`, `"linear"`, `"cosine"`, `"exponential"` or `"piecewise"`.
        arguments: The arguments of the function of that name.

    >>> Schedule("constant", {"value": 0.5}) == constant(0.5)
    True
    """

    def __init__(self, kind: str, arguments: dict[str, Any]) -> None:
        self.kind = kind
        self.arguments = dict(arguments)
        self._value_at = functools.partial(_KINDS[kind], **arguments)

    def __call__(self, step: Any) -> Any:
        return self._value_at(ops.cast(step, "float32"))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value of the schedule."""
        ends = [value for name, value in self.arguments.items() if name in ("value", "start", "stop")]
        values = [*ends, *self.arguments.get("values", ())]
        return min(values), max(values)

    def get_config(self) -> dict[str, Any]:
        return {"kind": self.kind, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(repr(self))


def constant(value: float) -> Schedule:
    """Returns the schedule that keeps one value.

    Args:
        value: The value.

    Raises:
        ValueError: If `value` is not a finite number.

    >>> float(constant(0.5)(1_000))
    0.5
    """
    return Schedule("constant", {"value": check_number("value", value)})


def linear(start: float, stop: float, steps: int, delay: int = 0) -> Schedule:
    """Returns the schedule that moves from one value to another in a straight line, and stays there.

    Args:
        start: The value until step `delay`.
        stop: The value from step `delay + steps` on.
        steps: The number of steps that the change takes.
        delay: The number of steps before it begins.

    Raises:
        ValueError: If a value is not a finite number, or a number of steps is not an integer in range.

    Reference:
        "they linearly decrease the data retaining rate during training" (SelectScale, section 3.4).

    >>> [round(float(linear(1.0, 0.0, steps=4, delay=1)(step)), 2) for step in (1, 2, 5, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    return Schedule("linear", _way(start, stop, steps, delay))


def cosine(start: float, stop: float, steps: int, delay: int = 0) -> Schedule:
    """Returns the schedule that moves from one value to another along half a cosine: slowly, fast, slowly.

    Args:
        start: The value until step `delay`.
        stop: The value from step `delay + steps` on.
        steps: The number of steps that the change takes.
        delay: The number of steps before it begins.

    Raises:
        ValueError: If a value is not a finite number, or a number of steps is not an integer in range.

    >>> [round(float(cosine(0.0, 1.0, steps=4)(step)), 3) for step in range(5)]
    [0.0, 0.146, 0.5, 0.854, 1.0]
    """
    return Schedule("cosine", _way(start, stop, steps, delay))


def exponential(start: float, stop: float, steps: int, delay: int = 0) -> Schedule:
    """Returns the schedule that approaches a value, by the same fraction of the remaining distance at each step.

    Args:
        start: The value until step `delay`.
        stop: The value that it approaches.
        steps: The number of steps after which 1/e (37 %) of the distance remains.
        delay: The number of steps before it begins.

    Raises:
        ValueError: If a value is not a finite number, or a number of steps is not an integer in range.

    Reference:
        Morerio et al., "Curriculum Dropout", 2017, eq. (2).

    >>> [round(float(exponential(0.0, 1.0, steps=10)(step)), 3) for step in (0, 10, 100)]
    [0.0, 0.632, 1.0]
    """
    return Schedule("exponential", _way(start, stop, steps, delay))


def piecewise(boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """Returns the schedule that jumps from value to value.

    Args:
        boundaries: The steps at which it jumps, increasing: `values[i + 1]` holds from step `boundaries[i]` on.
        values: One value more than there are boundaries.

    Raises:
        ValueError: If the boundaries do not increase, or the number of values is wrong.

    >>> [round(float(piecewise([3, 6], [0.1, 0.2, 0.4])(step)), 1) for step in (0, 2, 3, 6)]
    [0.1, 0.1, 0.2, 0.4]
    """
    boundaries = [check_whole("boundaries", step, lowest=0) for step in boundaries]
    values = [check_number("values", value) for value in values]
    if len(values) != len(boundaries) + 1:
        raise invalid("values", f"{len(boundaries) + 1} of them, one more than there are boundaries", values)
    if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
        raise invalid("boundaries", "steps in increasing order", boundaries)
    return Schedule("piecewise", {"boundaries": boundaries, "values": values})


def _constant(step: Any, value: float) -> Any:
    return ops.zeros_like(step) + value


def _linear(step: Any, start: float, stop: float, steps: int, delay: int) -> Any:
    return start + (stop - start) * ops.clip((step - delay) / steps, 0.0, 1.0)


def _cosine(step: Any, start: float, stop: float, steps: int, delay: int) -> Any:
    way = ops.clip((step - delay) / steps, 0.0, 1.0)
    return start + (stop - start) * (1.0 - ops.cos(math.pi * way)) / 2.0


def _exponential(step: Any, start: float, stop: float, steps: int, delay: int) -> Any:
    return stop + (start - stop) * ops.exp(-ops.maximum(step - delay, 0.0) / steps)


def _piecewise(step: Any, boundaries: Sequence[int], values: Sequence[float]) -> Any:
    value = _constant(step, values[0])
    for boundary, following in zip(boundaries, values[1:], strict=True):
        value = ops.where(step >= boundary, following, value)
    return value


_KINDS: dict[str, Callable[..., Any]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "exponential": _exponential,
    "piecewise": _piecewise,
}


def _way(start: float, stop: float, steps: int, delay: int) -> dict[str, Any]:
    return {
        "start": check_number("start", start),
        "stop": check_number("stop", stop),
        "steps": check_whole("steps", steps),
        "delay": check_whole("delay", delay, lowest=0),
    }
