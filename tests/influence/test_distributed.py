"""Influence sharded over devices and over processes is that of one device."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT, worker_environments

SCRIPT = Path(__file__).with_name("distributed.py")


def start(kind, path, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, str(SCRIPT), kind, str(path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def start_workers(folder):
    """Starts two processes that work together; both write what they find."""
    return [
        start("workers", folder / f"worker{index}.npz", **each) for index, each in enumerate(worker_environments(2))
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributed")
    running = [start("one", folder / "one.npz"), start("mirrored", folder / "mirrored.npz"), *start_workers(folder)]
    for process in running:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
    return {path.stem: read_arrays(path) for path in folder.glob("*.npz")}


def read_arrays(path):
    with open(path, "rb") as raw, np.load(raw) as file:
        return dict(file)


@pytest.mark.parametrize("kind", ["mirrored", "worker0", "worker1"])
def test_sharded_is_the_same_as_one_device(results, kind):
    one, found = results["one"], results[kind]
    assert (one.pop("replicas", 1), found["replicas"]) == (1, 2)
    for name, expected in one.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-3 * np.abs(expected).max(), err_msg=name)
