"""What the program of every library does: read the job, do it by one route, report time, memory and scores.

NumPy is all that this file needs, because each library runs in an environment of its own:

    PYTHON -m benchmarks.influence_speed.rivals.NAME JOB ROUTE EFFORT SCORES

writes the scores to the file SCORES and prints one line of JSON. The clock runs from a model and data in the library's
own form to the scores; tracing and compiling count, imports do not.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

# Before any library is imported: one thread.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
os.environ |= dict.fromkeys(ONE_THREAD, "1") | {"TF_CPP_MIN_LOG_LEVEL": "3"}

import numpy as np  # noqa: E402

from benchmarks.measuring import peak_memory, restart_peak_memory  # noqa: E402

LARGEST_LOGIT_ERROR = 1e-4


class Job:
    """The arrays of a job file.

    Attributes:
        x, y, x_validation, y_validation: Samples; images are channels-last.
        weights: List of the network's weights in Keras's order and layout.
        network: Name of the network.
        logits: The network's outputs for `x_validation`.
        damping, smallest, largest: The damping, and the Hessian's extremal eigenvalues without it.
    """

    def __init__(self, path: str | os.PathLike):
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        self.x, self.y = arrays["x"], arrays["y"]
        self.x_validation, self.y_validation = arrays["x_validation"], arrays["y_validation"]
        self.weights = [arrays[name] for name in sorted(arrays) if name.startswith("weight_")]
        self.network = str(arrays.get("network", "cnn"))
        self.logits = arrays["logits"]
        self.damping = float(arrays["damping"])
        self.smallest, self.largest = float(arrays["smallest"]), float(arrays["largest"])


def contend(load: Callable[[Job], Any], routes: Mapping[str, Callable[[Any, int], Any]]) -> None:
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
        raise ValueError(f"the converted network is not the same: its logits differ by {logit_error:.3g}")
    loaded = restart_peak_memory()
    start = clocks()
    found = routes[route](contender, int(effort))
    part: dict[str, int] = {}
    if isinstance(found, Generator):
        seconds, part = extrapolated(found)
    else:
        seconds = clocks() - start
        np.save(output, found)
    report = {"wall_seconds": seconds[0], "processor_seconds": seconds[1], **part}
    print(json.dumps(report | {"peak_mib": peak_memory() - loaded, "logit_error": float(logit_error)}))


def extrapolated(route: Generator[Any, None, None]) -> tuple[np.ndarray, dict[str, int]]:
    """Times a route of which only a part is run.

    Args:
        route: Generator that yields first when what is done only once is done; and again, with the number of equal
            parts that it has done since then and the number that there would be. What follows is again done only once.

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


def clocks() -> np.ndarray:
    """Returns the time on the wall and this process's processor time, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])
