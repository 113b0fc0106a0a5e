"""Times of functions that take turns, and the memory of this process.

NumPy is all that this file needs, because rivals run in environments that have little else.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np


def counting(take_steps: Callable[[], int], counts: list[int]) -> Callable[[], None]:
    """Returns a function that takes a turn's steps and adds their number to a list."""
    return lambda: counts.append(take_steps())


def stepping(dispatches: Iterator[Sequence[float]], steps: int) -> Callable[[], int]:
    """Returns a function that takes at least so many steps of a training, waits for them, and returns their number."""

    def take_steps() -> int:
        taken = 0
        while taken < steps:  # the last dispatch may take more
            taken += len(next(dispatches))
        return taken

    return take_steps


def take_turns(
    runs: Mapping[str, Callable[[], object]],
    turns: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Times functions in turns, so that whatever else the machine does slows all of them alike.

    Args:
        runs: The functions by name.
        turns: How often each one is timed.
        warm_up: How often each one is called beforehand, to trace and compile.
        clock: Returns the time in seconds: on the wall, or this process's processor time (`time.process_time`).

    Returns:
        For each name, the seconds of its timed calls.
    """
    for run in runs.values():
        for _ in range(warm_up):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def turn_ratios(seconds: Mapping[str, Sequence[float]], above: str, below: str) -> np.ndarray:
    """Returns, for each turn, the time of one function divided by that of another."""
    return np.divide(seconds[above], seconds[below])


def median_ratios(seconds: Mapping[str, Sequence[float]], rival: str) -> dict[str, float]:
    """Returns, for each function, the median over the turns of its time divided by the rival's."""
    return {name: float(np.median(turn_ratios(seconds, name, rival))) for name in seconds}


def restart_peak_memory() -> float:
    """Returns the memory of this process in MiB, and has `peak_memory` start anew, without what imports used."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def peak_memory() -> float:
    """Returns the peak memory of this process in MiB, since its start or the last `restart_peak_memory`."""
    # Not getrusage, whose maximum starts from that of the process that started this one.
    return _memory("VmHWM")


def _memory(name: str) -> float:
    [kibibytes] = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kibibytes) / 1024
