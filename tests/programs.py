"""Running the project's programs in processes of their own, as a user does."""

import json
import os
import socket
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


def _run(command, cwd, environment, timeout=600):
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=timeout)


# Runs modules one after another, each time in a child process that has everything imported: what takes a second in a
# process of its own takes a hundredth.
FORKING = """
import importlib, json, os, runpy, sys, tempfile
commands, preloaded = json.loads(sys.argv[1])
for name in preloaded:
    importlib.import_module(name)
results = []
for module, *arguments in commands:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        if not (child := os.fork()):
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = [module, *arguments]
            status = 0
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as end:
                status = end.code or 0
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                status = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        results.append([os.waitstatus_to_exitcode(status), out.read(), err.read()])
print(json.dumps(results))
"""


def run_many(module, argument_lists, cwd, preloaded=()):
    """Runs a module once for each list of arguments; returns a list of `(exit status, stdout, stderr)`."""
    return run_commands([[module, *arguments] for arguments in argument_lists], cwd, preloaded)


def run_commands(commands, cwd=ROOT, preloaded=()):
    """Runs modules, each given with its arguments; returns a list of `(exit status, stdout, stderr)`."""
    order = json.dumps([[list(map(str, command)) for command in commands], list(preloaded)])
    # Many programs in one process: on a busy machine they need longer together than one alone.
    finished = _run([sys.executable, "-c", FORKING, order], cwd, os.environ, timeout=2400)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def worker_environments(workers):
    """Returns the variables of the environments of processes that work together on this machine."""
    sockets = [socket.socket() for _ in range(workers)]
    for each in sockets:
        each.bind(("localhost", 0))
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    return [{"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})} for task in tasks]
