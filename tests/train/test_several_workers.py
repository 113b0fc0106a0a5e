"""A run in several processes: its numbers are those of one, a dead worker ends it with a line, and it goes on."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from programs import ROOT, worker_environments

from tfdrop.checkpoint import Pace
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.task import DenoisingTask
from tfdrop.training.log import read_records

SETTINGS = {"depth": 2, "filters": 2, "patches_per_image": 4, "batch_size": 8, "epochs": 20, "rounds": 1}


def start_workers(path):
    words = [f"--{name}={value}" for name, value in SETTINGS.items()]
    words += [f"--workdir={path}", "--distribute=multi_worker", "--save_every=0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(path.parent)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "train.denoise", *words]
    return [subprocess.Popen(command, env=environment | each, **pipes) for each in worker_environments(2)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose second worker was killed; and what the first then said, and how long it took to."""
    path = tmp_path_factory.mktemp("workers") / "run"
    chief, other = start_workers(path)
    deadline = time.monotonic() + 300
    while len(read_records(path, "round 1")) < 3:
        assert chief.poll() is None
        assert other.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _, err = chief.communicate(timeout=60)
    seconds = time.monotonic() - killed
    other.communicate()
    return path, chief.returncode, err, seconds


def test_without_a_worker_it_stops_with_a_line(run):
    path, status, err, seconds = run
    assert status == 2, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: another worker is gone (")
    assert err.splitlines()[-1].endswith(f"--workdir={path}")
    assert seconds < 60
    assert not (path / "result.json").exists()
    assert not [each.name for each in path.iterdir() if each.name.startswith((".lock", ".partial-"))]


def test_with_all_of_them_it_goes_on_to_what_one_device_finds(run, tmp_path):
    path = run[0]
    before = read_records(path, "round 1")
    assert 0 < len(before) < SETTINGS["epochs"]
    workers = start_workers(path)
    settings = DenoiseSettings(**SETTINGS)
    task = DenoisingTask(settings, read_data(settings), rated=False)
    task.train(Arm("round 1"), np.arange(task.samples), tmp_path, "", Pace(), None, None)
    for number, worker in enumerate(workers):
        out, err = worker.communicate(timeout=300)
        assert worker.returncode == 0, err
        assert ("Everything is in" in out) == (number == 0)  # the chief alone writes
    assert (path / "result.json").exists()
    expected, found = read_records(tmp_path, "round 1"), read_records(path, "round 1")
    assert [record["epoch"] for record in found] == [record["epoch"] for record in expected]
    assert found[:2] == before[:2]  # times included: they are of the first start
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert ours["validation_psnr"] == pytest.approx(theirs["validation_psnr"], rel=1e-5)
