"""Running a module of a benchmark on one core, in a process of its own."""

import json
import os
import subprocess

from absl import flags

from benchmarks.influence_speed.rivals.contender import ONE_THREAD

CORE = flags.DEFINE_integer("core", 0, "The core to run on.")


def run_module(python, module, *arguments, stderr=None):
    """Runs a module and returns what its last line of JSON says.

    Args:
        python: The Python to run it with.
        module: Name of the module.
        *arguments: Its arguments.
        stderr: Where its errors go, as for `subprocess.run`; by default to this program's.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    command = ["taskset", "-c", str(CORE.value), python, "-m", module, *map(str, arguments)]
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None
