"""One run a folder: a live process keeps others out, on this machine and others, and a dead one does not."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from programs import ROOT

from tfdrop.errors import UserError
from tfdrop.tasks import lock
from tfdrop.tasks.lock import LOCK, InUseError, locked

HOLDER = """
import sys, time
from tfdrop.tasks.lock import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder's lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_live_process_is_named_and_a_dead_one_followed(tmp_path, holder, capsys):
    said = re.escape(f"{tmp_path}: process {holder.pid} on {socket.gethostname()} is at work in it")
    with pytest.raises(InUseError, match=said), locked(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
        with pytest.raises(InUseError, match=f"process {os.getpid()} "), locked(tmp_path):
            pass
    assert f"going on after process {holder.pid}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_another_machine_is_alive_as_long_as_it_touches_the_lock(tmp_path, capsys):
    path = tmp_path / LOCK
    path.write_text(json.dumps({"host": "elsewhere", "process": 7}))
    with pytest.raises(InUseError, match=f"process 7 on elsewhere is at work in it; if it is not, remove {path}"):
        locked(tmp_path).__enter__()
    long_ago = time.time() - lock.SECONDS_TO_LIVE - 1
    os.utime(path, (long_ago, long_ago))
    with locked(tmp_path):
        assert json.loads(path.read_text())["host"] == socket.gethostname()
    assert "going on after process 7 on elsewhere" in capsys.readouterr().err


def test_the_holder_touches_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SECONDS_BETWEEN_TOUCHES", 0.01)
    with locked(tmp_path):
        os.utime(tmp_path / LOCK, (0, 0))
        deadline = time.monotonic() + 30
        while (tmp_path / LOCK).stat().st_mtime < 1000:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("content", ["", "{", "7", '{"host": "a"}'])
def test_a_lock_that_was_half_written_is_taken_over(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: "), locked(tmp_path / "file"):
        pass
