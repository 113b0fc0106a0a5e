"""What befalls a run: a second one in its folder, SIGTERM, a full disk, too little memory."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from programs import ROOT

from tfdrop.errors import UserError
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.run import run
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.lock import locked
from tfdrop.tasks.workdir import Workdir
from train.interruption import interruptible

LONG = ("--depth=3", "--filters=2", "--patches_per_image=64", "--epochs=1000", "--rounds=1")
# A checkpoint of it is larger than the disk.
SETTINGS = {"depth": 3, "filters": 32, "patches_per_image": 4, "epochs": 1, "rounds": 1}


def start(*words, **arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "train.denoise", *words], env=environment, **pipes, **arguments)


def test_a_second_run_is_refused_and_sigterm_saves_the_first(tmp_path):
    flags = (*LONG, f"--workdir={tmp_path / 'run'}")
    with start(*flags) as first:
        deadline = time.monotonic() + 300
        while not (tmp_path / "run" / "metrics.csv").exists():
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with start(*flags) as second:
            out, err = second.communicate(timeout=300)
        assert (second.returncode, out) == (2, "")
        [line] = err.splitlines()
        assert line.startswith(f"error: {tmp_path / 'run'}: process {first.pid} on ")
        first.send_signal(signal.SIGTERM)
        _, err = first.communicate(timeout=300)
    assert first.returncode == 143, err
    assert err.splitlines()[-1].startswith("interrupted; this goes on: python -m train.denoise ")
    names = [path.name for path in (tmp_path / "run").iterdir()]
    assert "training.keras" in names
    assert not [name for name in names if name.startswith((".lock", ".partial-"))]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 KB, and a function that makes room on it; where none can be mounted, files of 100 KB at most."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount and not subprocess.run([mount, "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk]).returncode:
        yield disk, lambda: subprocess.run([mount, "-o", "remount,size=40m", disk], check=True)
        subprocess.run(["umount", disk], check=True)
        return
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield disk, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_no_half_files_and_the_run_goes_on_with_more_room(small_disk, monkeypatch):
    disk, make_room = small_disk
    monkeypatch.setattr(sys, "argv", ["tfdrop-denoise", "--epochs=1"])
    settings = DenoiseSettings(**SETTINGS)
    data = read_data(settings)
    path = disk / "run"

    def go_on():
        with locked(path):
            workdir = Workdir(path, settings, {"images": data.fingerprint()})
            with interruptible(path) as pace:
                run(settings, data, workdir, pace)

    expected = f"with more room this goes on: tfdrop-denoise --epochs=1 --workdir={path}"
    with pytest.raises(UserError, match=f"^(the disk is full|a file would be larger than is allowed here); {expected}"):
        go_on()
    assert [each.name for each in path.rglob("*") if each.name.startswith((".partial-", ".lock"))] == []
    assert not (path / "result.json").exists()
    make_room()
    go_on()
    result = json.loads((path / "result.json").read_text())
    assert [start["seconds"] is not None for start in result["starts"]] == [True, True]


def test_too_little_memory_is_one_line(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (12 * 10**9, 12 * 10**9))

    flags = ("--depth=3", "--filters=40000", "--patches_per_image=4", "--rounds=1", "--workdir=run")
    with start(*flags, cwd=tmp_path, preexec_fn=limit) as running:
        _, err = running.communicate(timeout=300)
    assert running.returncode == 2, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: there is not enough memory; smaller --batch_size (4) or ")
    assert "--filters (40000)" in err.splitlines()[-1]
