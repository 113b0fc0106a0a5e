"""One run a folder at a time: a lock that names its holder, and that a dead process leaves to the next.

The kernel lets go of the lock of a process that ends, however it ends. Where a folder is shared between machines the
lock may not reach across; so the holder also touches the file, and one untouched for minutes is of a dead process.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfdrop.errors import UserError
from tfdrop.whole_files import note

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
SECONDS_BETWEEN_TOUCHES = 20.0
SECONDS_TO_LIVE = 180.0
SECONDS_BETWEEN_TRIES = 0.1


class InUseError(UserError):
    """Another process is at work in the folder."""


@contextlib.contextmanager
def locked(folder: str | Path, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of a folder, which is made if it is not there, and removed if nothing was put in it.

    Args:
        folder: The folder.
        patience: Seconds to wait for a holder that is about to let go.

    Raises:
        InUseError: If a process that is alive holds it, on this machine or another.
        UserError: If the folder cannot be made or written to.
    """
    folder = Path(folder).expanduser()
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = _acquired(folder / LOCK, time.monotonic() + patience)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or error}") from error
    done = threading.Event()
    touching = threading.Thread(target=_touch, args=(number, done), daemon=True)
    touching.start()
    try:
        yield
    finally:
        done.set()
        touching.join()
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        os.close(number)
        if made:
            with contextlib.suppress(OSError):  # there is something in it
                folder.rmdir()


def _acquired(path, deadline):
    """Returns the open file of the lock, which is ours."""
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            free = _exclusive(number)
            holder = _holder(number)
            if _is_elsewhere(holder) and time.time() - os.fstat(number).st_mtime < SECONDS_TO_LIVE:
                free = False
            if not free and time.monotonic() < deadline:
                os.close(number)
                time.sleep(SECONDS_BETWEEN_TRIES)
                continue
            if not free:
                raise InUseError(f"{path.parent}: {_described(holder)} is at work in it; if it is not, remove {path}")
            # A holder that has just ended may have removed the file that was opened here.
            if not _is_the_same(number, path):
                os.close(number)
                continue
            if holder:
                note(f"{path.parent}: going on after {_described(holder)}, which has ended without saying so")
            os.ftruncate(number, 0)
            os.pwrite(number, json.dumps({"host": socket.gethostname(), "process": os.getpid()}).encode(), 0)
            return number
        except BaseException:
            os.close(number)
            raise


def _exclusive(number):
    """Takes the kernel's lock of an open file; tells whether it could be had."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: what the file says must do
        return True
    return True


def _holder(number) -> dict[str, Any]:
    """Returns who wrote the lock; an empty dictionary if nobody did, or it is half written."""
    try:
        found = json.loads(os.pread(number, 1000, 0))
        return {"host": str(found["host"]), "process": int(found["process"])}
    except (ValueError, KeyError, TypeError):
        return {}


def _is_elsewhere(holder):
    """Tells whether the kernel's lock says nothing about a holder: one on another machine, or of a system without."""
    return bool(holder) and (fcntl is None or holder["host"] != socket.gethostname())


def _described(holder):
    return f"process {holder['process']} on {holder['host']}" if holder else "another process"


def _is_the_same(number, path):
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except FileNotFoundError:
        return False


def _touch(number, done):
    while not done.wait(SECONDS_BETWEEN_TOUCHES):
        with contextlib.suppress(OSError):
            os.utime(number)
