"""Settings of a program: a frozen dataclass whose fields are the absl flags.

A field made by `setting` states its default, its help text and its range once. A value comes from the command
line, else from the recipe, else from the default.
"""

import dataclasses
import math

from absl import flags

from train.program import UserError, unknown


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


def define_flags(settings_class):
    """Defines a flag for every field of a settings class, and `--recipe`."""
    flags.DEFINE_string("recipe", "", "Name of a set of settings from the papers; single flags override it.")
    define = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string}
    defaults = settings_class()
    for field in dataclasses.fields(settings_class):
        define_one = flags.DEFINE_list if field.metadata["list_of"] else define[field.metadata["kind"]]
        define_one(field.name, getattr(defaults, field.name), field.metadata["help"])


def settings_from_flags(settings_class, recipes):
    """Returns the settings that the parsed flags ask for.

    Raises:
        UserError: If the recipe is unknown or a value is out of its range.
    """
    recipe = flags.FLAGS.recipe
    if recipe and recipe not in recipes:
        raise unknown("recipe", recipe, recipes)
    values = dict(recipes[recipe]) if recipe else {}
    for field in dataclasses.fields(settings_class):
        if field.name not in values or flags.FLAGS[field.name].present:
            values[field.name] = getattr(flags.FLAGS, field.name)
        if values[field.name] is not None:
            values[field.name] = _checked(field, values[field.name])
    return settings_class(**values)


def _checked(field, value):
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


def is_given(name, recipes):
    """Tells whether a setting was given by the command line or the recipe, and so is no mere default."""
    return flags.FLAGS[name].present > 0 or name in recipes.get(flags.FLAGS.recipe, {})
