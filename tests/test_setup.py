"""Building the package."""

import shutil
import subprocess
import sys

import pytest
from programs import ROOT


def test_a_build_leaves_nothing_in_the_source_tree_and_takes_nothing_deleted_from_there(tmp_path):
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    for name in ("tfdrop/layers", "train"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "requirements", source / "requirements")
    for name in ("setup.py", "setup.cfg", "README.md", "LICENSE", "tfdrop/__init__.py"):
        shutil.copy(ROOT / name, source / name)
    stale = source / "build" / "lib" / "tfdrop" / "deleted_long_ago.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    for command in (["build"], ["install", "--root", tmp_path / "out", "--single-version-externally-managed"]):
        words = [sys.executable, "-W", "ignore", "setup.py", "-q", *map(str, command)]
        if command[0] == "install":
            words += ["--record", str(tmp_path / "installed")]
        subprocess.run(words, cwd=source, check=True, capture_output=True)
        assert [path.name for path in (source / "build").rglob("*.py")] == ["deleted_long_ago.py"]
    installed = (tmp_path / "installed").read_text()
    assert "tfdrop/layers/select_scale.py" in installed
    assert "deleted_long_ago" not in installed
