"""What all programs have in common."""

import os
import subprocess
import sys

import pytest
from programs import ROOT, run_program

from tfdrop.models.networks import NETWORKS


@pytest.mark.parametrize("flag", ["--helpshort", "--list_recipes"])
def test_a_reader_that_has_had_enough_is_no_error(flag):
    command = [sys.executable, "-m", "train.classify", flag]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as running:
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
        assert running.wait() in (0, 1, 141)  # where all of it was in the pipe by then, 0, or what absl ends help with
    assert err == ""


def test_the_networks_that_there_are():
    finished = run_program("train.classify", "--list_models")
    assert finished.returncode == 0
    assert finished.stdout.split() == list(NETWORKS)
