"""Running the project's programs in processes of their own, as a user does."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# A module that is None in sys.modules cannot be imported: TensorFlow is as good as not installed.
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules["tensorflow"] = None
sys.argv = sys.argv[1:]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def run_program(*arguments, cwd=ROOT):
    """Runs `python -m` with arguments and returns the finished process."""
    return _run([sys.executable, "-m", *map(str, arguments)], cwd, os.environ)


def run_on_jax(*arguments):
    """Runs a module or a script on the JAX backend, without TensorFlow."""
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    return _run([sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)], ROOT, environment)


def _run(command, cwd, environment):
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=600)
