"""How every program starts and how it reports bad input: one line on stderr and exit status 2."""

import sys

from absl import app, flags, logging

from tfdrop.errors import UserError


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
