"""Ctrl-C and SIGTERM: the run is saved before it stops, and says how to go on."""

import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.errors import UserError
from train.failures import no_room, no_worker

# What stops a run, with the status of a program that it stopped, by convention of the shells.
STATUS: dict[int, int] = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stop:
    """Whether somebody wants the program to stop, who sends it a signal. A second one stops it at once.

    Attributes:
        number: The signal; `None` as long as there was none.
    """

    def __init__(self):
        self.number: int | None = None

    def wanted(self) -> bool:
        """Tells whether there was a signal."""
        return self.number is not None

    @property
    def status(self) -> int:
        """The exit status of a program that was stopped, that of Ctrl-C by default."""
        return STATUS[self.number or signal.SIGINT]

    def on_signal(self, number, frame):
        if self.wanted():
            raise KeyboardInterrupt
        self.number = number
        print("\nSaving, then stopping; Ctrl-C once more stops at once.", file=sys.stderr, flush=True)


@contextlib.contextmanager
def interruptible(folder: str | Path, seconds: float = 60.0, agreed: Callable[[bool], bool] = bool) -> Iterator[Pace]:
    """Yields the pace of a run in a folder: it saves every so many seconds, and on Ctrl-C or SIGTERM, and then stops.

    The program then ends with one line and exit status 130 or 143; a second signal ends it at once. Of several
    processes that do one run, all stop when one is to: `agreed` tells each whether any is.
    """
    with stoppable() as stop:
        print(f"This run is in {folder}")
        try:
            yield Pace(seconds, interrupted=lambda: agreed(stop.wanted()))
        except (OutOfTime, KeyboardInterrupt):
            print(f"interrupted; this goes on: {command(folder)}", file=sys.stderr)
            sys.exit(stop.status)
        except Exception as error:
            if isinstance(error, BrokenPipeError):
                raise
            if (reason := no_room(error)) is not None:
                raise UserError(f"{reason}; with more room this goes on: {command(folder)}") from error
            if (reason := no_worker(error)) is not None:
                raise UserError(f"{reason}; with all workers this goes on: {command(folder)}") from error
            raise


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Yields the `Stop` that signals set while the block runs."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # which alone can have signals
        yield stop
        return
    before = {number: signal.signal(number, stop.on_signal) for number in STATUS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command(folder: str | Path) -> str:
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
