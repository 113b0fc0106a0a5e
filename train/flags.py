"""Settings as absl flags: a flag for every field, and the settings that the parsed flags ask for."""

import dataclasses

from absl import flags

from tfdrop.errors import unknown
from tfdrop.tasks.settings import checked


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
            values[field.name] = checked(field, values[field.name])
    return settings_class(**values)


def is_given(name, recipes):
    """Tells whether a setting was given by the command line or the recipe, and so is no mere default."""
    return flags.FLAGS[name].present > 0 or name in recipes.get(flags.FLAGS.recipe, {})
