"""The error for what a user can fix."""

import contextlib
from collections.abc import Iterable, Iterator

from tfdrop.arguments import nearest


class UserError(ValueError):
    """Something that the user can fix; a program prints the message as one line and exits with status 2."""


def unknown(flag: str, name: str, known: Iterable[str]) -> UserError:
    """Builds the `UserError` for a flag with an unknown name; it suggests similar names, or lists all if few."""
    known = list(known)
    near = nearest(name, known, similarity=0.6)
    if near or len(known) > 10:
        near = near or nearest(name, known, similarity=0.0)
        return UserError(f"--{flag}={name}: unknown; did you mean {', '.join(near)}?")
    return UserError(f"--{flag}={name}: unknown; known are {', '.join(known)}")


@contextlib.contextmanager
def blaming(flag: str, value: object) -> Iterator[None]:
    """Turns a `ValueError` or `OSError` inside into a `UserError` that names the flag and its value."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, OSError) as error:
        raise UserError(f"--{flag}={value}: {error}") from error
