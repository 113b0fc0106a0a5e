"""What every contender's process does: read the job, solve it by one route, report time, memory and scores.

This file needs NumPy alone, as each contender runs in an environment of its own:

    PYTHON -m benchmarks.influence_rivals.NAME JOB ROUTE EFFORT SCORES

writes the scores to the file SCORES and prints one line of JSON. The clock runs from a model and data in the library's
own form to the scores, with all that is traced or compiled on the way, but without imports.
"""

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
        routes: Dictionary from names to functions `(contender, effort) -> scores`. A route that would take too long
            returns `(scores, done, samples)`: the scores may be `None`, and it solved for `done` of `samples`.
    """
    path, route, effort, output = sys.argv[1:]
    job = Job(path)
    contender = load(job)
    logit_error = np.abs(contender.logits(job.x_validation) - job.logits).max()
    if not logit_error < LARGEST_LOGIT_ERROR:
        raise ValueError(f"the converted network is another one: its logits differ by {logit_error:.3g}")
    # What imports needed for a moment does not count.
    Path("/proc/self/clear_refs").write_text("5")
    loaded = _memory("VmRSS")
    start, start_processor = time.perf_counter(), time.process_time()
    scores = routes[route](contender, int(effort))
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - start_processor
    done = samples = 1
    if isinstance(scores, tuple):
        scores, done, samples = scores
    if scores is not None:
        np.save(output, scores)
    report = {
        "seconds": seconds * samples / done,
        "processor_seconds": processor_seconds * samples / done,
        "done": done,
        "samples": samples,
        "peak_mib": _memory("VmHWM") - loaded,
        "logit_error": float(logit_error),
    }
    print(json.dumps(report))


def _memory(name):
    """Returns a figure of this process's memory in MiB."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
