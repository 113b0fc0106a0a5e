"""Looking things up by name, offering the nearest names for an unknown one."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tfdrop.arguments import invalid, nearest

Value = TypeVar("Value")


def look_up(argument: str, name: Any, table: Mapping[str, Value]) -> Value:
    """Returns `table[name]`, or raises a `ValueError` that offers the nearest names.

    Args:
        argument: The argument's name, for the error.
        name: What the caller passed.
        table: A dictionary with names as keys.

    >>> look_up("network", "vgg", {"vgg19": 19, "resnet20": 20})
    Traceback (most recent call last):
    ValueError: Invalid value received for argument `network`. Expected one of 'vgg19'. Received: network='vgg'
    """
    if isinstance(name, str) and name in table:
        return table[name]
    offered = nearest(name, table) or list(table)
    raise invalid(argument, "one of " + ", ".join(map(repr, offered)), name)
