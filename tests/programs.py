"""Running the project's programs in processes of their own, as a user does."""

import atexit
import functools
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 900  # that a program may take, on a busy machine

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


# Runs modules one after another, each time in a child process that has everything imported: what takes seconds in a
# process of its own takes a hundredth.
FORKING = """
import importlib, json, os, runpy, sys, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    (module, *arguments), cwd, environment, out, err = json.loads(line)
    if not (child := os.fork()):
        for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [module, *arguments]
        status = 0
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Forks:
    """A process that has modules imported, and runs programs in forks of itself.

    Args:
        *preloaded: Names of the modules.
    """

    def __init__(self, *preloaded):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", FORKING, *preloaded]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, **pipes)

    def run(self, module, *arguments, cwd=ROOT):
        """Runs `python -m` with arguments; returns the exit status, stdout and stderr."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            order = [[module, *map(str, arguments)], str(cwd), environment, str(out), str(err)]
            print(json.dumps(order), file=self._process.stdin, flush=True)
            ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
            status = self._process.stdout.readline() if ready else ""
            if not status:
                self._process.kill()
                raise RuntimeError(f"{module} ended without a status, or not within {SECONDS} s")
            return int(status), out.read_text(), err.read_text()

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@functools.cache
def _forks():
    """Returns the process that all programs of a test run are forks of."""
    forks = Forks("tensorflow", "keras")
    atexit.register(forks.close)
    return forks


def run_program(*arguments, cwd=ROOT):
    """Runs `python -m` with arguments, in a fork that has TensorFlow imported; returns the finished process."""
    return subprocess.CompletedProcess(arguments, *_forks().run(*arguments, cwd=cwd))


def run_on_jax(*arguments):
    """Runs a module or a script on the JAX backend, without TensorFlow."""
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=SECONDS)


def run_many(module, argument_lists, cwd, preloaded=()):
    """Runs a module once for each list of arguments; returns a list of `(exit status, stdout, stderr)`."""
    return run_commands([[module, *arguments] for arguments in argument_lists], cwd, preloaded)


def run_commands(commands, cwd=ROOT, preloaded=()):
    """Runs modules, each given with its arguments; returns a list of `(exit status, stdout, stderr)`."""
    forks = Forks(*preloaded)
    try:
        return [forks.run(*command, cwd=cwd) for command in commands]
    finally:
        forks.close()


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
