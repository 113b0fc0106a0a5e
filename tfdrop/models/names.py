"""Looking things up by name, with the nearest names offered for one that is unknown."""

from tfdrop.arguments import invalid, nearest


def look_up(argument, name, table):
    """Hands back `table[name]`, or raises a `ValueError` that offers the nearest names.

    Args:
        argument: The argument's name, for the error.
        name: What the caller passed.
        table: A dictionary, from names.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    offered = nearest(name, table) or list(table)
    raise invalid(argument, "one of " + ", ".join(map(repr, offered)), name)
