"""What every contender's process does: read the job, solve it by one route, report time, memory and scores.

This file needs NumPy alone, as each contender runs in an environment of its own:

    PYTHON -m benchmarks.influence_speed.rivals.NAME JOB ROUTE EFFORT SCORES

writes the scores to the file SCORES and prints one line of JSON. The clock runs from a model and data in the library's
own form to the scores, with all that is traced or compiled on the way, but without imports.
"""

import inspect
import json
import os
import re
import sys
import time
from pathlib import Path

# Before a library is imported: one core for each contender.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
os.environ |= dict.fromkeys(ONE_THREAD, "1") | {"TF_CPP_MIN_LOG_LEVEL": "3"}

import numpy as np  # noqa: E402

LARGEST_LOGIT_ERROR = 1e-4


class Job:
    """The arrays of a job file.

    Attributes:
        x, y, x_validation, y_validation: Samples, images channel-last.
        weights: List of the network's weights in Keras's order and layout.
        logits: The network's outputs for `x_validation`.
        damping, smallest, largest: The damping, and the Hessian's extremal eigenvalues without it.
    """

    def __init__(self, path):
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        self.weights = [arrays.pop(name) for name in sorted(arrays) if name.startswith("weight_")]
        for name in ("damping", "smallest", "largest"):
            setattr(self, name, float(arrays.pop(name)))
        self.__dict__ |= arrays


def contend(load, routes):
    """Runs one route of one library as the command line says.

    Args:
        load: Function `job -> contender`, an object in the library's own terms with a method `logits(x)`.
        routes: Dictionary from names to functions `(contender, effort) -> scores`. A route that would take too long is
            a generator, see `extrapolated`.
    """
    path, route, effort, output = sys.argv[1:]
    job = Job(path)
    contender = load(job)
    logit_error = np.abs(contender.logits(job.x_validation) - job.logits).max()
    if not logit_error < LARGEST_LOGIT_ERROR:
        raise ValueError(f"the converted network is another one: its logits differ by {logit_error:.3g}")
    loaded = memory_now()
    start = clocks()
    found = routes[route](contender, int(effort))
    part = {}
    if inspect.isgenerator(found):
        seconds, part = extrapolated(found)
    else:
        seconds = clocks() - start
        np.save(output, found)
    report = {"wall_seconds": seconds[0], "processor_seconds": seconds[1], **part}
    print(json.dumps(report | {"peak_mib": peak_memory() - loaded, "logit_error": float(logit_error)}))


def extrapolated(route):
    """Times a route of which only a part is run.

    Args:
        route: Generator that yields once when what is done but once is done, and again, with the number of equal parts
            that it has done since and the number that there would be. What comes after is again done but once.

    Returns:
        The seconds that the whole would take, on the wall and on the processor, and what they are extrapolated from.
    """
    times = [clocks()]
    next(route)
    times.append(clocks())
    done, parts = next(route)
    times.append(clocks())
    next(route, None)
    times.append(clocks())
    once, repeated, after = np.diff(times, axis=0)
    return once + repeated * parts / done + after, {"done": done, "parts": parts}


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def memory_now():
    """Returns this process's memory in MiB, and has its peak count from here on, without what imports needed."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def peak_memory():
    """Returns the peak of this process's memory in MiB since `memory_now`."""
    return _memory("VmHWM")


def _memory(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
