"""How every program starts and how it reports bad input: one line on stderr and exit status 2."""

import contextlib
import difflib
import sys

from absl import app, flags, logging


class UserError(Exception):
    """Something that the user can mend; the message names the flag and its value."""


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
    except (ValueError, OSError) as error:
        raise UserError(f"--{flag}={value}: {error}") from error


def run(main):
    """Runs `main()` as an absl program."""
    logging.set_verbosity(logging.WARNING)  # which files TensorFlow Datasets reads is not news
    app.run(lambda argv: _guarded(main), flags_parser=_parse)


def _guarded(main):
    try:
        main()
    except UserError as error:
        _fail(error)


def _parse(argv):
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(error)
    if len(rest) > 1:
        _fail(f"unexpected argument {rest[1]!r}; flags begin with --")
    return rest


def _fail(message):
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
