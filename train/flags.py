"""Settings as absl flags: a flag for every field, and the settings that the parsed flags ask for."""

import dataclasses
import sys
from typing import Any

from absl import flags

from tfdrop.errors import UserError, blaming, unknown
from tfdrop.tasks import slices
from tfdrop.tasks.settings import MULTI_WORKER

PATIENCE = 30.0  # seconds that a slice waits for others that start at the same time


def define_flags(settings_class, renamed=(), sliced=True):
    """Defines a flag for every field of a settings class, `--recipe`, and the former names of flags.

    Args:
        settings_class: The class, a dataclass.
        renamed: As for `settings_from_flags`.
        sliced: Whether the program's seeds can be run in slices.
    """
    flags.DEFINE_string("recipe", "", "Name of a set of settings from the papers; single flags override it.")
    define: dict[type, Any] = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    for field in dataclasses.fields(settings_class):
        default, kind = default_of(field), field.metadata["kind"]
        if field.metadata["or_auto"] or field.metadata["or_range"]:
            default, kind = str(default), str
        define_one = flags.DEFINE_list if field.metadata["list_of"] else define[kind]
        define_one(field.name, default, field.metadata["help"])
    flags.DEFINE_float("save_every", 60.0, "Seconds from one save of a running step to the next.", lower_bound=0.0)
    if sliced:
        flags.DEFINE_string("slice", "", slices.HELP)
    for former in renamed:
        flags.DEFINE_string(former, None, f"Former name of --{renamed[former][0]}.")


def default_of(field):
    """Returns a field's own default, from which the settings may conclude others: `None` is what was not given."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def settings_from_flags(settings_class, recipes, renamed=()):
    """Returns the settings that the parsed flags ask for.

    A value comes from the command line, else from the recipe, else from the default.

    Args:
        settings_class: The class, whose fields are flags.
        recipes: Dictionaries of settings by name.
        renamed: For each flag of an earlier release what it is called now, and a function that turns its text into
            the value.

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
    used = [former for former in renamed if flags.FLAGS[former].present]
    for former in used:
        name, convert = renamed[former]
        with blaming(former, flags.FLAGS[former].value):
            values[name] = convert(flags.FLAGS[former].value)
    settings = settings_class(**values)
    for former in used:
        print(f"note: --{former} is now --{renamed[former][0]}; the old name will go", file=sys.stderr)
    return settings


def is_given(name, recipes):
    """Tells whether a setting was given by the command line or the recipe, and so is no mere default."""
    return flags.FLAGS[name].present > 0 or name in recipes.get(flags.FLAGS.recipe, {})


def overridden(settings_class, unimportant):
    """Returns the given flags that may make a recipe's number another one, as they would be written.

    Args:
        settings_class: The class, a dataclass with a field for each flag.
        unimportant: Names of those that leave the number what it is.
    """
    names = [field.name for field in dataclasses.fields(settings_class) if field.name not in unimportant]
    return [flags.FLAGS[name].serialize() for name in names if flags.FLAGS[name].present]


def seeds_of_slice(settings):
    """Returns the seeds that `--slice` asks for, `None` without it: of the run, or of a single run's further replays.

    Raises:
        UserError: If it asks for nothing that can be done.
    """
    text = flags.FLAGS.slice
    if not text:
        return None
    of_run = range(settings.seed, settings.seed + settings.seeds)
    seeds = slices.slice_of(of_run if settings.seeds > 1 else settings.scoring_seeds[1:], text)
    if settings.seeds == 1 and not (settings.scores_by_replay and settings.influence_seeds > 1):
        more = "--seeds=N has more, or --influence_seeds=N with --influence=replay"
        raise UserError(f"--slice={text}: there is one seed only; {more}")
    if not settings.workdir:
        raise UserError(f"--slice={text}: needs a --workdir, the same for all slices")
    if settings.distribute == MULTI_WORKER:
        raise UserError(f"--slice={text}: not with --distribute={MULTI_WORKER}")
    return seeds
