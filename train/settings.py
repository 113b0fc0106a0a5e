"""Settings of a program: a frozen dataclass whose fields are the absl flags.

A field made by `setting` states its default, its help text and its range once. A value comes from the command
line, else from the recipe, else from the default.
"""

import dataclasses
import difflib
import math

from absl import flags

from train.program import UserError


def setting(default, help, least=None, most=None, above=None, choices=None):
    """Returns a dataclass field that is also a flag.

    Args:
        default: The value where neither the command line nor the recipe gives one; its type is the flag's.
        help: One sentence for `--help`.
        least: Smallest allowed number.
        most: Largest allowed number.
        above: Number that the value must exceed.
        choices: Allowed texts.
    """
    metadata = {"help": help, "least": least, "most": most, "above": above, "choices": choices}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def define_flags(settings_class):
    """Defines a flag for every field of a settings class, and `--recipe`."""
    flags.DEFINE_string("recipe", "", "Name of a set of settings from train/recipes.py; single flags override it.")
    defaults = settings_class()
    for field in dataclasses.fields(settings_class):
        default = getattr(defaults, field.name)
        if isinstance(default, bool):
            define = flags.DEFINE_bool
        elif isinstance(default, int):
            define = flags.DEFINE_integer
        elif isinstance(default, float):
            define = flags.DEFINE_float
        elif isinstance(default, list):
            define = flags.DEFINE_list
        else:
            define = flags.DEFINE_string
        define(field.name, default, field.metadata["help"])


def settings_from_flags(settings_class, recipes):
    """Returns the settings that the parsed flags ask for.

    Raises:
        UserError: If the recipe is unknown or a value is out of its range.
    """
    recipe = flags.FLAGS.recipe
    if recipe and recipe not in recipes:
        near = difflib.get_close_matches(recipe, recipes, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(f"--recipe={recipe}: unknown recipe, known are {', '.join(recipes)}{hint}")
    values = dict(recipes[recipe]) if recipe else {}
    for field in dataclasses.fields(settings_class):
        if field.name not in values or flags.FLAGS[field.name].present:
            values[field.name] = getattr(flags.FLAGS, field.name)
        if isinstance(values[field.name], list):
            values[field.name] = _integers(field.name, values[field.name])
        _check(field, values[field.name])
    return settings_class(**values)


def _integers(name, texts):
    try:
        numbers = [int(text) for text in texts]
    except ValueError:
        numbers = [0]
    if any(number < 1 for number in numbers):
        raise UserError(f"--{name}={','.join(map(str, texts))}: expected integers of at least 1")
    return numbers


def _check(field, value):
    least, most, above, choices = (field.metadata[key] for key in ("least", "most", "above", "choices"))
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"--{field.name}={value}: expected a finite number")
    if least is not None and value < least:
        raise UserError(f"--{field.name}={value}: expected at least {least}")
    if most is not None and value > most:
        raise UserError(f"--{field.name}={value}: expected at most {most}")
    if above is not None and value <= above:
        raise UserError(f"--{field.name}={value}: expected more than {above}")
    if choices is not None and value not in choices:
        raise UserError(f"--{field.name}={value}: expected one of {', '.join(choices)}")


def is_given(name, recipes):
    """Tells whether a setting was given by the command line or the recipe, and so is no mere default."""
    return flags.FLAGS[name].present > 0 or name in recipes.get(flags.FLAGS.recipe, {})
