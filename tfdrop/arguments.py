"""Checks of arguments, with errors in Keras's wording."""

import math
import numbers


def invalid(name, expected, received):
    """Builds the error for an argument that is out of its range or of the wrong kind."""
    return ValueError(
        f"Invalid value received for argument `{name}`. Expected {expected}. Received: {name}={received!r}"
    )


def is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_share(name, value, lowest=0.0, highest=1.0, below_one=False, positive=False):
    """Hands back `value` as a float, or raises `ValueError` if it is no number in the range.

    Args:
        name: The argument's name, for the error.
        value: What the caller passed.
        lowest: The least value allowed.
        highest: The greatest value allowed.
        below_one: Whether 1 is outside the range, as where a layer divides by the share that is kept.
        positive: Whether 0 is outside the range.
    """
    allowed = is_number(value) and lowest <= value <= highest
    if not allowed or (below_one and value >= 1) or (positive and value <= 0):
        opening = "(" if positive and lowest == 0 else "["
        closing = ")" if below_one and highest == 1 else "]"
        raise invalid(name, f"a float in {opening}{lowest:g}, {highest:g}{closing}", value)
    return float(value)


def check_number(name, value):
    """Hands back `value` as a float, or raises `ValueError` if it is no finite number."""
    if not is_number(value):
        raise invalid(name, "a finite number", value)
    return float(value)


def check_whole(name, value, lowest=1):
    """Hands back `value` as an int, or raises `ValueError` if it is no whole number of at least `lowest`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < lowest:
        raise invalid(name, f"an integer of at least {lowest}", value)
    return int(value)


def check_choice(name, value, choices):
    """Hands back `value`, or raises `ValueError` if it is none of `choices`."""
    if value not in choices:
        raise invalid(name, "one of " + ", ".join(repr(choice) for choice in choices), value)
    return value


def check_flag(name, value):
    """Hands back `value`, or raises `ValueError` if it is neither True nor False."""
    if not isinstance(value, bool):
        raise invalid(name, "True or False", value)
    return value
