"""How every program starts and how it reports bad input: one line on stderr and exit status 2."""

import os
import sys

from absl import app, flags, logging

from tfdrop.errors import UserError
from train.failures import no_memory, no_room

CLOSED_PIPE = 141  # the status of what SIGPIPE ends, by convention of the shells


def run(main):
    """Runs `main()` as an absl program."""
    logging.set_verbosity(logging.WARNING)  # which files TensorFlow Datasets reads is not news
    try:
        app.run(lambda argv: _guarded(main), flags_parser=_parse)
    except BrokenPipeError:  # who reads what is printed, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python's last flush fails, too
        sys.exit(CLOSED_PIPE)


def _guarded(main):
    try:
        main()
    except UserError as error:
        _fail(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        if (reason := no_room(error) or no_memory(error)) is None:
            raise
        _fail(reason)


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
