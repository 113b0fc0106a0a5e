"""Fields of settings that are a program's flags: each states its default, its help text and its range once."""

import dataclasses
import math
from typing import Any

from tfdrop.errors import UserError


def setting(
    default: Any,
    help: str,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    choices: tuple | None = None,
    kind: type | None = None,
    list_of: type | None = None,
    or_auto: bool = False,
    or_range: bool = False,
    group: str = "",
    before: Any = None,
) -> Any:
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
        or_auto: Whether the value may also be `"auto"`, and a text that says the number.
        or_range: Whether the value may also be a range, a list of two numbers, and a text that says one or two.
        group: Heading of this field and those after it in `--help`, where it is not that of the one before.
        before: What runs had before this was a setting, where that is not the default.
    """
    metadata: dict[str, Any] = {"help": help, "least": least, "most": most, "above": above, "choices": choices}
    metadata |= {"kind": kind or type(default), "list_of": list_of, "group": group, "before": before}
    metadata |= {"or_auto": or_auto, "or_range": or_range}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_fields(settings: Any) -> None:
    """Checks every field of a frozen dataclass of settings that has a value, and puts it in its form.

    Raises:
        UserError: If a value is out of its range; the message names the flag.
    """
    for field in dataclasses.fields(settings):
        if (value := getattr(settings, field.name)) is not None:
            object.__setattr__(settings, field.name, _checked(field, value))


def values_before(settings_class: type) -> dict[str, Any]:
    """Returns by name what runs of earlier releases had, whose folders do not name it, where it is no default now."""
    fields = dataclasses.fields(settings_class)
    values = {field.name: field.metadata.get("before") for field in fields}
    return {name: value for name, value in values.items() if value is not None}


def _checked(field, value):
    """Returns a value as its field has it, a list as one of numbers."""
    if field.metadata["or_auto"]:
        if value == "auto":
            return value
        try:
            value = float(value)
        except ValueError as error:
            raise UserError(f"--{field.name}={value}: expected a number or auto") from error
    if field.metadata["or_range"]:
        return _number_or_range(field, value)
    if field.metadata["list_of"] is None:
        _check_kind(field, value)
        _check_range(field, value, shown=value)
        return value
    shown = ",".join(map(str, value))
    try:
        numbers = [field.metadata["list_of"](element) for element in value]
    except ValueError as error:
        kind = "integers" if field.metadata["list_of"] is int else "numbers"
        raise UserError(f"--{field.name}={shown}: expected {kind}") from error
    for number in numbers:
        _check_range(field, number, shown)
    return numbers


def _number_or_range(field, value):
    """Returns a float, or the two of a range, which begins at 0 or more whatever a single number must exceed."""
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    expected = "a number, or two that rise as in 0,55"
    try:
        numbers = [float(word) for word in words]
    except (TypeError, ValueError) as error:
        raise UserError(f"--{field.name}={value}: expected {expected}") from error
    shown = ",".join(map(str, numbers))
    if len(numbers) > 1 and not (len(numbers) == 2 and 0 <= numbers[0] < numbers[1]):
        raise UserError(f"--{field.name}={shown}: expected {expected}")
    _check_range(field, numbers[-1], shown)
    return numbers[0] if len(numbers) == 1 else numbers


def _check_kind(field, value):
    kind = field.metadata["kind"]
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise UserError(f"--{field.name}={value}: expected a value of type {kind.__name__}")


def _check_range(field, value, shown):
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
