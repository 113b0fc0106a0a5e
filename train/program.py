"""How every program starts and how it reports bad input: one line on stderr and exit status 2."""

import os
import sys
from collections.abc import Callable

from absl import app, flags, logging

from tfdrop.errors import UserError
from train.failures import no_memory, no_room, no_worker
from train.help import WORDS

CLOSED_PIPE = 141  # the status of what SIGPIPE ends, by convention of the shells


def run(main: Callable[..., None], help: Callable[[], str] | None = None, arguments: int = 0) -> None:
    """Runs `main()` as an absl program.

    Args:
        main: The program; it is given the words beside the flags.
        help: What `--help` prints; absl's own text if `None`.
        arguments: How many words beside the flags there may be.
    """
    logging.set_verbosity(logging.WARNING)  # which files TensorFlow Datasets reads is not news
    try:
        if help is not None and any(word in WORDS for word in sys.argv[1:]):
            print(help(), flush=True)
            return
        app.run(lambda argv: _guarded(main, argv[1:]), flags_parser=lambda argv: _parse(argv, arguments))
    except BrokenPipeError:  # who reads what is printed, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python's last flush fails, too
        sys.exit(CLOSED_PIPE)


def _guarded(main, words):
    try:
        main(*words)
        sys.stdout.flush()
    except UserError as error:
        _fail(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        if (reason := no_room(error) or no_memory(error) or no_worker(error)) is None:
            raise
        _fail(reason)


def _parse(argv, arguments):
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        _fail(error)
    if len(rest) > 1 + arguments:
        _fail(f"unexpected argument {rest[1 + arguments]!r}; flags begin with --")
    return rest


def _fail(message):
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
