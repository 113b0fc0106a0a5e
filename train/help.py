"""What `--help` prints: a program's flags in groups, each with its choices and its default."""

import dataclasses
import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from absl import flags

from train.flags import default_of

WORDS = ("--help", "-help", "-h", "-?", "--helpshort", "-helpshort")
GROUPS = ("data", "network", "training", "data dropout", "output")
WIDTH = 100
MOST_CHOICES = 12
KINDS = {bool: "", int: "=N", float: "=NUMBER", str: "=TEXT"}


def help_text(
    about: str, own: Collection[str], settings_class: Any = None, known: Mapping[str, Collection[str]] | None = None
) -> str:
    """Returns the help of a program.

    Args:
        about: What it does and how it is called.
        own: Names of the flags that are no settings; they are defined.
        settings_class: The class whose fields are flags, if there is one.
        known: For settings that take a name, the names.
    """
    by_group: dict[str, list[str]] = {name: [] for name in GROUPS}
    group = ""
    for field in dataclasses.fields(settings_class) if settings_class else ():
        group = field.metadata["group"] or group
        choices = field.metadata["choices"] or (known or {}).get(field.name, ())
        by_group[group].append(_entry(field, default_of(field), choices))
    listed = [_paragraph(flags.FLAGS[name]) for name in own]
    sections = [["", *listed], *(["", group.capitalize(), *entries] for group, entries in by_group.items() if entries)]
    return "\n".join([about.strip(), *(line for section in sections for line in section)])


def _entry(field, default, choices):
    """Returns the lines about a setting."""
    kind = field.metadata["kind"]
    value = "=N,N,..." if field.metadata["list_of"] else KINDS[kind]
    if field.metadata["or_auto"]:
        value = "=NUMBER|auto"
    elif field.metadata["or_range"]:
        value = "=NUMBER|LOW,HIGH"
    about = field.metadata["help"]
    if 0 < len(choices) <= MOST_CHOICES:
        joined = "=" + "|".join(map(str, choices))
        if len(joined) < WIDTH / 2:
            value = joined
        else:
            value, about = "=NAME", f"{about} One of {', '.join(choices)}."
    name = f"--[no]{field.name}" if kind is bool else f"--{field.name}{value}"
    return f"  {name}{_default(default)}\n{_wrapped(about)}"


def _default(default):
    if default is None or default == "" or default == []:
        return ""
    shown = ",".join(map(str, default)) if isinstance(default, list) else default
    return f"  [{str(shown).lower() if isinstance(shown, bool) else shown}]"


def _paragraph(flag):
    """Returns the lines about a flag that is no setting."""
    return f"  --{flag.name}{'' if flag.boolean else '=TEXT'}\n{_wrapped(flag.help)}"


def _wrapped(text):
    return textwrap.fill(text, WIDTH, initial_indent="      ", subsequent_indent="      ", break_on_hyphens=False)
