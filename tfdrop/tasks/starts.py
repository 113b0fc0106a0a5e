"""With what, on what and how long a run was computed: one entry for each time that it was started."""

import contextlib
import datetime
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras

from tfdrop.environment import accelerators, commit, machine, versions
from tfdrop.errors import UserError
from tfdrop.tasks.workdir import Workdir

STARTS = "starts{}.json"  # of a whole run, and of its slices


@contextlib.contextmanager
def noted_start(workdir: Workdir, part: str = "") -> Iterator[None]:
    """Notes in a run's folder what the block runs with and on, and how long it takes, however it ends.

    The time of a start that was killed is not known, and `None`. A slice of a run, while others may be at work on the
    rest, has a file of its own: `part` is in its name.
    """
    name = STARTS.format(part)
    starts = _read(workdir, name)
    start = time.monotonic()
    starts.append(_this_start())
    workdir.write_json(name, starts)
    try:
        yield
    finally:
        starts[-1]["seconds"] = round(time.monotonic() - start, 1)
        with contextlib.suppress(OSError):  # a full disk, say, which was the reason to stop
            workdir.write_json(name, starts)


def read_starts(workdir: Workdir) -> list[dict[str, Any]]:
    """Returns what was noted of a run's starts, in order; of a file that is damaged nothing."""
    names = sorted(path.name for path in workdir.path.glob(STARTS.format("*")))
    return sorted((start for name in names for start in _read(workdir, name)), key=lambda start: start["time"])


def _read(workdir, name):
    try:
        found = workdir.read_json(name) if workdir.exists(name) else []
    except UserError:
        return []
    return found if isinstance(found, list) else []


def about_starts(workdir: Workdir) -> dict[str, Any]:
    """Returns what the result of a run that is finished says of its starts."""
    starts = read_starts(workdir)
    about = {"backend": keras.backend.backend(), "keras": keras.__version__, "starts": starts}
    return about | {"seconds_since_last_start": _read(workdir, STARTS.format(""))[-1]["seconds"]}


def _this_start():
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "host": socket.gethostname(),
        "machine": machine(),
        "devices": accelerators() or keras.distribution.list_devices(),
        "backend": keras.backend.backend(),
        "commit": commit(),
        "versions": versions(),
        "seconds": None,
    }
