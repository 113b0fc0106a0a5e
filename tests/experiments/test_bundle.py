"""The bundle: packed in parts, unpacked elsewhere, and run there on JAX without TensorFlow."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from programs import ROOT, WITHOUT_TENSORFLOW, run_program

from tfdrop.data.sets.named import load_image_set


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A bundle for this very Python, in parts of 1 MiB."""
    out = tmp_path_factory.mktemp("bundle") / "parts"
    version = ".".join(platform.python_version_tuple()[:2])
    finished = run_program(
        "experiments.bundle", f"--out={out}", "--part_mib=1", f"--python_version={version}", "--image_sets=digits"
    )
    if "cannot be had" in finished.stderr:
        pytest.skip("no package index within reach to download the wheels from")
    assert finished.returncode == 0, finished.stderr
    return out


def unpack(parts, target):
    return subprocess.run([sys.executable, parts / "unpack.py", target], capture_output=True, text=True)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a bundle is packed from a git checkout")
def test_unpacked_bundle_runs_an_experiment_without_tensorflow(parts, tmp_path):
    assert len(list(parts.glob("part*"))) >= 2
    finished = unpack(parts, tmp_path / "there")
    assert finished.returncode == 0, finished.stderr
    there = tmp_path / "there"
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": f"{there / 'wheels'}{os.pathsep}{there}",
    }
    bare = 'import sys; sys.modules["tensorboard"] = None\n' + WITHOUT_TENSORFLOW
    command = [sys.executable, "-P", "-c", bare, "experiments.run", "--name=check"]
    run = subprocess.run(command, cwd=there, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert "check-seed0: finished" in run.stdout
    state = (there / "runs" / "experiments" / "check-seed0" / "state.json").read_text()
    assert '"backend": "jax"' in state
    carried, own = load_image_set(str(there / "data" / "digits.npz")), load_image_set("digits")
    np.testing.assert_array_equal(carried.train[0], own.train[0])
    np.testing.assert_array_equal(carried.test[1], own.test[1])
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
    assert f'"commit": "{commit.strip()}"' in state


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a bundle is packed from a git checkout")
def test_a_missing_or_damaged_part_is_named_and_nothing_is_unpacked(parts, tmp_path):
    whole = (parts / "part01").read_bytes()
    try:
        (parts / "part01").write_bytes(whole[:-1])
        finished = unpack(parts, tmp_path / "there")
        assert (finished.returncode, finished.stderr) == (2, "error: part01 is damaged\n")
        (parts / "part01").unlink()
        finished = unpack(parts, tmp_path / "there")
        assert (finished.returncode, finished.stderr) == (2, "error: part01 is missing\n")
    finally:
        (parts / "part01").write_bytes(whole)
    assert not (tmp_path / "there").exists()
