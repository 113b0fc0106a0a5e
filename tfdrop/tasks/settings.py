"""Settings of a program: a frozen dataclass whose fields are the absl flags.

A field made by `setting` states its default, its help text and its range once. A value comes from the command
line, else from the recipe, else from the default.
"""

import dataclasses
import math

from tfdrop.errors import UserError


def setting(default, help, least=None, most=None, above=None, choices=None, kind=None, list_of=None):
    """Returns a dataclass field that is also a flag.

    Args:
        default: The value where neither the command line nor the recipe gives one; its type is the flag's.
        help: One sentence for `--help`.
        least: Smallest allowed number.
        most: Largest allowed number.
        above: Number that the value must exceed.
        choices: Allowed values.
        kind: Type of the value where the default is `None`.
        list_of: Type of the elements, `int` or `float`, where the value is a list.
    """
    metadata = {"help": help, "least": least, "most": most, "above": above, "choices": choices}
    metadata |= {"kind": kind or type(default), "list_of": list_of}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def checked(field, value):
    """Returns a value as its field has it, a list as one of numbers."""
    if field.metadata["list_of"] is None:
        _check(field, value, shown=value)
        return value
    shown = ",".join(map(str, value))
    try:
        numbers = [field.metadata["list_of"](element) for element in value]
    except ValueError as error:
        kind = "integers" if field.metadata["list_of"] is int else "numbers"
        raise UserError(f"--{field.name}={shown}: expected {kind}") from error
    for number in numbers:
        _check(field, number, shown)
    return numbers


def _check(field, value, shown):
    least, most, above, choices = (field.metadata[key] for key in ("least", "most", "above", "choices"))
    if isinstance(value, float) and not math.isfinite(value):
        problem = "a finite number"
    elif least is not None and value < least:
        problem = f"at least {least}"
    elif most is not None and value > most:
        problem = f"at most {most}"
    elif above is not None and value <= above:
        problem = f"more than {above}"
    elif choices is not None and value not in choices:
        problem = f"one of {', '.join(map(str, choices))}"
    else:
        return
    raise UserError(f"--{field.name}={shown}: expected {problem}")
