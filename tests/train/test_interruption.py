"""Ctrl-C saves a run, says in one line how to go on, and what goes on comes to the same end."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from programs import ROOT

from tfdrop.checkpoint import OutOfTime, Pace
from train.interruption import command, interruptible

SMALL = ("--train_samples=64", "--epochs=8", "--rounds=1", "--validation_samples=0", "--drop=none", "--batch_size=8")


def start(words, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, **pipes)


def test_a_run_is_saved_and_goes_on(tmp_path):
    running = start(["-m", "train.classify", *SMALL, "--workdir=run"], tmp_path)
    assert running.stdout.readline() == "This run is in run\n"
    metrics = tmp_path / "run" / "metrics.csv"
    deadline = time.monotonic() + 300
    while not (metrics.exists() and metrics.read_text().count("\n") > 1):  # an epoch is over
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=300)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    *_, saving, last = err.splitlines()
    assert saving.startswith("Saving, then stopping")
    assert last.startswith("interrupted; this goes on: python -m train.classify ")
    assert not (tmp_path / "run" / "result.json").exists()
    taken = metrics.read_text().count("\n")

    program, *words = shlex.split(last.partition("goes on: ")[2])
    assert program == "python"
    again = start(words, tmp_path)
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert metrics.read_text().count("\n") == 9  # none of its eight epochs twice, under a line of names
    assert 1 < taken < 9
    [training] = json.loads((tmp_path / "run" / "result.json").read_text())["runs"][0]["trainings"]
    assert training["last"]["epoch"] == 8


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "tfdrop-classify --workdir=runs/7"),
        (["--epochs=3", "--workdir=old"], "tfdrop-classify --epochs=3 --workdir=runs/7"),
        (["--workdir", "old", "--dataset=my images"], "tfdrop-classify '--dataset=my images' --workdir=runs/7"),
    ],
)
def test_the_command_is_the_one_that_was_given(monkeypatch, arguments, expected):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/tfdrop-classify", *arguments])
    assert command("runs/7") == expected


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_time_stops_at_once(tmp_path, capsys, number, status):
    reached = []

    def interrupted_twice():
        with interruptible(tmp_path):
            for _ in range(2):
                signal.raise_signal(number)
                reached.append(True)

    with pytest.raises(SystemExit) as ended:
        interrupted_twice()
    assert ended.value.code == status
    assert reached == [True]
    assert "interrupted; this goes on: " in capsys.readouterr().err


def test_the_pace_saves_before_it_stops():
    wanted, saved = [], []
    pace = Pace(seconds=1000, interrupted=lambda: bool(wanted))
    pace.after_step(lambda: saved.append(1))
    assert saved == []
    wanted.append(True)
    with pytest.raises(OutOfTime):
        pace.after_step(lambda: saved.append(2))
    assert saved == [2]
