"""Looking things up by name, with the nearest names offered for one that is unknown."""

import difflib

from tfdrop.arguments import invalid


def look_up(argument, name, table):
    """Hands back `table[name]`, or raises a `ValueError` that offers the nearest names.

    Args:
        argument: The argument's name, for the error.
        name: What the caller passed.
        table: A dictionary, from names.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    nearest = difflib.get_close_matches(str(name), table, n=3, cutoff=0.5) or list(table)
    raise invalid(argument, "one of " + ", ".join(map(repr, nearest)), name)
