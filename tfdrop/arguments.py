"""Checks of arguments, and the errors they raise in Keras's wording."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any, TypeGuard, TypeVar

Choice = TypeVar("Choice")


def invalid(name: str, expected: str, value: object = None, *, received: str | None = None) -> ValueError:
    """Builds the error for an argument that is out of range, or of the wrong kind.

    Args:
        name: The argument's name.
        expected: What is allowed, such as "a float in [0, 1]".
        value: What the caller passed.
        received: Text to show instead of `name=value`, for values whose `repr` says little or is long.

    >>> raise invalid("rate", "a float in [0, 1]", 2)
    Traceback (most recent call last):
    ValueError: Invalid value received for argument `rate`. Expected a float in [0, 1]. Received: rate=2
    """
    return ValueError(_message(name, expected, value, received))


def wrong_type(name: str, expected: str, value: object = None, *, received: str | None = None) -> TypeError:
    """Builds the error for an argument whose type can never be right; the arguments are those of `invalid`."""
    return TypeError(_message(name, expected, value, received))


def _message(name: str, expected: str, value: object, received: str | None) -> str:
    shown = f"{name}={value!r}" if received is None else received
    return f"Invalid value received for argument `{name}`. Expected {expected}. Received: {shown}"


def nearest(name: object, known: Iterable[str], similarity: float = 0.5) -> list[str]:
    """Returns up to three of the known names that resemble a name, the most similar first.

    Args:
        name: What the caller passed.
        known: The known names.
        similarity: The least similarity, from 0 to 1; with 0 every name counts as similar.

    >>> nearest("resnet21", ["resnet20", "vgg16"])
    ['resnet20']
    """
    return difflib.get_close_matches(str(name), list(known), n=3, cutoff=similarity)


def is_number(value: object) -> TypeGuard[float]:
    """Tells whether a value is a finite real number; booleans are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_share(
    name: str,
    value: Any,
    lowest: float = 0.0,
    highest: float = 1.0,
    below_one: bool = False,
    positive: bool = False,
) -> float:
    """Returns `value` as a float.

    Args:
        name: The argument's name, for the error.
        value: What the caller passed.
        lowest: The smallest value allowed.
        highest: The largest value allowed.
        below_one: Whether 1 is excluded, as where a layer divides by the share that is kept.
        positive: Whether 0 is excluded.

    Raises:
        ValueError: If `value` is not a number in the range.
    """
    allowed = is_number(value) and lowest <= value <= highest
    if not allowed or (below_one and value >= 1) or (positive and value <= 0):
        opening = "(" if positive and lowest == 0 else "["
        closing = ")" if below_one and highest == 1 else "]"
        raise invalid(name, f"a float in {opening}{lowest:g}, {highest:g}{closing}", value)
    return float(value)


def check_number(name: str, value: Any) -> float:
    """Returns `value` as a float, or raises `ValueError` if it is not a finite number."""
    if not is_number(value):
        raise invalid(name, "a finite number", value)
    return float(value)


def check_whole(name: str, value: Any, lowest: int = 1) -> int:
    """Returns `value` as an int, or raises `ValueError` if it is not an integer of at least `lowest`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < lowest:
        raise invalid(name, f"an integer of at least {lowest}", value)
    return int(value)


def check_choice(name: str, value: Choice, choices: Iterable[Choice]) -> Choice:
    """Returns `value`, or raises `ValueError` if it is not one of `choices`."""
    choices = list(choices)
    if value not in choices:
        raise invalid(name, "one of " + ", ".join(map(repr, choices)), value)
    return value


def check_flag(name: str, value: Any) -> bool:
    """Returns `value`, or raises `ValueError` if it is neither True nor False."""
    if not isinstance(value, bool):
        raise invalid(name, "True or False", value)
    return value
