"""The libraries' routes, and the runs of them on one job."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
from absl import flags

from benchmarks.influence_speed.rivals.contest import ONE_THREAD

PYDVL = flags.DEFINE_string("pydvl_python", "", "Python of an environment with pyDVL; not run if empty.")
INFLUENCIAE = flags.DEFINE_string("influenciae_python", "", "Python of an environment with influenciae; likewise.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Runs of each route that agrees, the one that was found included.")
CORE = flags.DEFINE_integer("core", 0, "The core to run on.")

AGREEMENT = 0.999
REFERENCE_STEPS = 200


@dataclass(frozen=True)
class Route:
    """One way to the scores.

    Attributes:
        library: Whose it is.
        name: Its name in the contender's file.
        title: What it is, in the table.
        efforts: Numbers of steps to try, the first that agrees being taken; or only one.
        documented: Whether users are shown it.
        repeats: Whether it is quick enough to be repeated.
    """

    library: str
    name: str
    title: str
    efforts: tuple = (0,)
    documented: bool = False
    repeats: bool = True


ROUTES = (
    Route("tfdrop", "cg", "`ConjugateGradient(depth={})`", (1, 2, 3, 4, 5, 6), True),
    Route("tfdrop", "cg as it comes", '`solver="cg"`, its own tolerance', documented=True),
    Route("tfdrop", "lissa as it comes", '`solver="lissa"`, its own tolerance', documented=True),
    Route("pyDVL", "internals cg", "internals: conjugate gradients, {} steps", (8, 9, 10, 11, 12)),
    Route(
        "pyDVL",
        "internals forward cg",
        "internals: the same with forward over reverse products and channels last, {} steps",
        (8, 9, 10, 11, 12),
    ),
    Route("pyDVL", "internals lissa", "internals: LiSSA likewise, {} steps of 100 samples", (100,)),
    Route("pyDVL", "documented cg", "`CgInfluence`, 9 steps for each validation sample", (2,), True, False),
    Route("pyDVL", "documented block cg", "`CgInfluence(solve_simultaneously=True)`, likewise", (4,), True, False),
    Route("pyDVL", "documented lissa", "`LissaInfluence`, 100 steps of 100 samples", (2,), True, False),
    Route("pyDVL", "documented arnoldi", "`ArnoldiInfluence(rank={})`", (30, 40, 50), True, False),
    Route("influenciae", "internals cg", "internals: conjugate gradients, {} steps", (8, 9, 10), repeats=False),
    Route("influenciae", "public vector", "`compute_ihvp` of the summed gradient, {} steps", (8,), repeats=False),
    Route("influenciae", "documented cg", "calculator with CGD, 8 steps for each training sample", (1,), True, False),
)


class Contest:
    """Runs of the libraries on one job.

    Args:
        job_path: The job's file.
        folder: Where scores are put down.

    Attributes:
        runs: Dictionary from routes to lists of what their runs reported, all with the effort that is enough.
        efforts: Dictionary from routes to that effort.
    """

    def __init__(self, job_path, folder):
        self._job_path = job_path
        self._scores_path = folder / "scores.npy"
        self.pythons = {"tfdrop": sys.executable, "pyDVL": PYDVL.value, "influenciae": INFLUENCIAE.value}
        self.runs, self.efforts = {}, {}

    def table(self):
        """Runs everything. Returns the table's lines."""
        self._reference = None
        self._run(Route("tfdrop", "reference", ""), REFERENCE_STEPS)
        self._reference = np.load(self._scores_path)
        routes = [route for route in ROUTES if self.pythons[route.library]]
        for route in routes:
            self._seek(route)
        for _ in range(REPEATS.value - 1):
            for route in routes:
                if route.repeats and "error" not in self.runs[route][0]:
                    self.runs[route].append(self._run(route, self.efforts[route]))
        fastest = min(self.seconds(route) for route in routes if route.library == "tfdrop" and self.agrees(route))
        return [
            "| library | route | processor seconds | on the wall | times tfdrop's best | MiB | r |",
            "|---|---|---|---|---|---|---|",
            *[self._line(route, fastest) for route in ROUTES],
        ]

    def _seek(self, route):
        for effort in route.efforts:
            self.efforts[route], self.runs[route] = effort, [self._run(route, effort)]
            if "error" in self.runs[route][0] or self.agrees(route):
                return

    def agrees(self, route):
        return self.runs[route][0].get("r", 0) >= AGREEMENT

    def seconds(self, route):
        return np.median([run["processor_seconds"] for run in self.runs[route]])

    def _run(self, route, effort):
        self._scores_path.unlink(missing_ok=True)
        name = f"influence_speed.rivals.{route.library.lower()}_contender"
        try:
            found = run_module(self.pythons[route.library], name, self._job_path, route.name, effort, self._scores_path)
        except subprocess.CalledProcessError as error:
            found = {"error": error.stderr.strip().splitlines()[-1]}
        if self._reference is not None and self._scores_path.exists():
            found["r"] = float(np.corrcoef(np.load(self._scores_path), self._reference)[0, 1])
        print(route.library, route.name, effort, found, flush=True)
        return found

    def _line(self, route, fastest):
        if route not in self.runs:
            return f"| {route.library} | {route.title.format('k')} | not run | | | | |"
        runs, title = self.runs[route], route.title.format(self.efforts[route])
        if "error" in runs[0]:
            return f"| {route.library} | {title} | failed: {runs[0]['error'][:80]} | | | | |"
        seconds = [run["processor_seconds"] for run in runs]
        spread = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(runs) > 1 else ""
        part = f" (extrapolated from {runs[0]['done']} of {runs[0]['parts']})" if "done" in runs[0] else spread
        memory = f"{np.median([run['peak_mib'] for run in runs]):.0f}"
        wall = f"{np.median([run['wall_seconds'] for run in runs]):,.0f}"
        agreement = f"{runs[0]['r']:.4f}" if "r" in runs[0] else "not measured"
        times = f"{self.seconds(route) / fastest:,.1f}"
        return (
            f"| {route.library} | {title} | {self.seconds(route):,.1f}{part} | {wall} | {times} | {memory} "
            f"| {agreement} |"
        )

    def conclusion(self):
        """Returns the ratios that the aims are about, in words."""
        ours = [route for route in self.runs if route.library == "tfdrop" and self.agrees(route)]
        theirs = [route for route in self.runs if route.library != "tfdrop" and "error" not in self.runs[route][0]]
        if not ours or not theirs:
            return "Nothing to compare with."
        best = min(map(self.seconds, ours))
        said = []
        for kind, routes in (
            ("by any route that agrees", [route for route in theirs if self.agrees(route)]),
            ("by a documented route", [route for route in theirs if route.documented and self._may_agree(route)]),
        ):
            if routes:
                quickest = min(routes, key=self.seconds)
                said.append(f"{kind} {self.seconds(quickest) / best:,.1f} times ({quickest.library}, {quickest.name})")
        return f"The fastest of the others takes, of tfdrop's best time: {'; '.join(said)}."

    def _may_agree(self, route):
        return self.runs[route][0].get("r", 1.0) >= AGREEMENT


def run_module(python, module, *arguments):
    """Runs a module of the benchmark on one core and returns what its last line of JSON says."""
    command = ["taskset", "-c", str(CORE.value), python, "-m", f"benchmarks.{module}", *map(str, arguments)]
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None
