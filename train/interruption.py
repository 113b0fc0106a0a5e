"""Ctrl-C: the run is saved before it stops, and says how to go on."""

import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tfdrop.checkpoint import OutOfTime, Pace

STATUS = 130  # of a program that was interrupted, by convention of the shells


@contextlib.contextmanager
def interruptible(folder: Path) -> Iterator[Pace]:
    """Yields the pace of a run in a folder: after Ctrl-C it saves and stops, after a second one it stops at once.

    The program then ends with one line and exit status 130.
    """
    print(f"This run is in {folder}")
    wanted = threading.Event()

    def on_signal(number, frame):
        if wanted.is_set():
            raise KeyboardInterrupt
        wanted.set()
        print("\nSaving, then stopping; Ctrl-C once more stops at once.", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield Pace(interrupted=wanted.is_set)
    except (OutOfTime, KeyboardInterrupt):
        print(f"interrupted; this goes on: {command(folder)}", file=sys.stderr)
        sys.exit(STATUS)
    finally:
        signal.signal(signal.SIGINT, before)


def command(folder: Path) -> str:
    """Returns the command line that goes on with the run in a folder."""
    program = Path(sys.argv[0])
    words = ["python", "-m", f"train.{program.stem}"] if program.suffix == ".py" else [program.name]
    words += _without_workdir(sys.argv[1:])
    return shlex.join([*words, f"--workdir={folder}"])


def _without_workdir(arguments):
    kept = []
    rest = iter(arguments)
    for word in rest:
        name, _, value = word.lstrip("-").partition("=")
        if name != "workdir":
            kept.append(word)
        elif not value:
            next(rest, None)  # the flag's value is the next word
    return kept
