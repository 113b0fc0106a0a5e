"""The error for what a user can mend."""

import contextlib
import difflib


class UserError(ValueError):
    """Something that the user can mend; a program prints the message as one line and exits with status 2."""


def unknown(flag, name, known):
    """Returns the `UserError` for a name that is not known; it offers the nearest ones, or all if they are few."""
    near = difflib.get_close_matches(name, known, n=3)
    if near or len(known) > 10:
        near = near or difflib.get_close_matches(name, known, n=3, cutoff=0.0)
        return UserError(f"--{flag}={name}: unknown; did you mean {', '.join(near)}?")
    return UserError(f"--{flag}={name}: unknown; known are {', '.join(known)}")


@contextlib.contextmanager
def blaming(flag, value):
    """Turns a `ValueError` or `OSError` inside into a `UserError` that names the flag and its value."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, OSError) as error:
        raise UserError(f"--{flag}={value}: {error}") from error
