"""Runs of the libraries on one job, and what they come to."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_speed.routes import REFERENCE, ROUTES, Route
from benchmarks.one_core import run_module
from tfdrop.errors import unknown

PYDVL = flags.DEFINE_string("pydvl_python", "", "Python of an environment with pyDVL; not run if empty.")
INFLUENCIAE = flags.DEFINE_string("influenciae_python", "", "Python of an environment with influenciae; likewise.")
CHOSEN = flags.DEFINE_multi_string("route", [], "Name of a route to run, such as `internals cg`; all if none is given.")
REFERENCE_STEPS = flags.DEFINE_integer("reference_steps", 200, "Most steps of the converged solution.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 3, "Runs of each route that agrees, including the one that was found.")

AGREEMENT = 0.999


def check_flags() -> None:
    """Raises a `UserError` if a route is not known."""
    known = sorted({route.name for route in ROUTES})
    for name in CHOSEN.value:
        if name not in known:
            raise unknown("route", name, known)


class Contest:
    """Runs of the libraries on one job.

    Args:
        job_path: The job's file.
        folder: Where to put the scores.

    Attributes:
        runs: Dictionary from routes to lists of what their runs reported, all with the effort that is enough.
        efforts: Dictionary from routes to that effort.
    """

    def __init__(self, job_path: Path, folder: Path):
        self._job_path = job_path
        self._scores_path = folder / "scores.npy"
        self._reference: np.ndarray | None = None
        self._pythons = {"tfdrop": sys.executable, "pyDVL": PYDVL.value, "influenciae": INFLUENCIAE.value}
        self.runs: dict[Route, list[dict[str, Any]]] = {}
        self.efforts: dict[Route, int] = {}

    def run(self) -> None:
        """Runs every route whose library is there."""
        reported = self._run(REFERENCE, REFERENCE_STEPS.value)
        if "error" in reported:
            raise RuntimeError(f"The converged solution was not found: {reported['error']}")
        self._reference = np.load(self._scores_path)
        routes = [route for route in ROUTES if self._is_wanted(route)]
        for route in routes:
            self._seek(route)
        for _ in range(REPEATS.value - 1):
            for route in routes:
                if route.repeats and "error" not in self.runs[route][0]:
                    self.runs[route].append(self._run(route, self.efforts[route]))

    def _is_wanted(self, route: Route) -> bool:
        return bool(self._pythons[route.library]) and (not CHOSEN.value or route.name in CHOSEN.value)

    def _seek(self, route: Route) -> None:
        for effort in route.efforts:
            self.efforts[route], self.runs[route] = effort, [self._run(route, effort)]
            if "error" in self.runs[route][0] or self.agrees(route):
                return

    def agrees(self, route: Route, unmeasured: float = 0.0) -> bool:
        """Tells whether a route's scores agree with the converged solution; `unmeasured` is r where it was not run."""
        return self.runs[route][0].get("r", unmeasured) >= AGREEMENT

    def seconds(self, route: Route) -> float:
        """Returns the median processor time of a route's runs."""
        return float(np.median([run["processor_seconds"] for run in self.runs[route]]))

    def _run(self, route: Route, effort: int) -> dict[str, Any]:
        self._scores_path.unlink(missing_ok=True)
        program = f"benchmarks.influence_speed.rivals.{route.library.lower()}_contender"
        arguments = (self._job_path, route.name, effort, self._scores_path)
        try:
            found = run_module(self._pythons[route.library], program, *arguments, stderr=subprocess.PIPE)
        except subprocess.CalledProcessError as error:
            found = {"error": (error.stderr.strip() or str(error)).splitlines()[-1]}
        if self._reference is not None and self._scores_path.exists():
            found["r"] = float(np.corrcoef(np.load(self._scores_path), self._reference)[0, 1])
        print(route.library, route.name, effort, found, flush=True)
        return found

    def fastest(self) -> float | None:
        """Returns the processor time of tfdrop's fastest route that agrees."""
        ours = [route for route in self.runs if route.library == "tfdrop" and self.agrees(route)]
        return min(map(self.seconds, ours), default=None)

    def table(self) -> list[str]:
        """Returns the lines of the table of all routes."""
        header = ["library", "route", "processor seconds", "on the wall", "times tfdrop's best", "MiB", "r"]
        return pages.table(header, [[route.library, *self._cells(route)] for route in ROUTES])

    def _cells(self, route: Route) -> list[str]:
        if route not in self.runs:
            return [route.title.format("k"), "not run", *[""] * 4]
        runs, title, fastest = self.runs[route], route.title.format(self.efforts[route]), self.fastest()
        if "error" in runs[0]:
            return [title, f"failed: {runs[0]['error'][:80]}", *[""] * 4]
        seconds = [run["processor_seconds"] for run in runs]
        spread = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(runs) > 1 else ""
        part = f" (extrapolated from {runs[0]['done']} of {runs[0]['parts']})" if "done" in runs[0] else spread
        return [
            title,
            f"{self.seconds(route):,.1f}{part}",
            f"{np.median([run['wall_seconds'] for run in runs]):,.0f}",
            f"{self.seconds(route) / fastest:,.1f}" if fastest else "",
            f"{np.median([run['peak_mib'] for run in runs]):.0f}",
            f"{runs[0]['r']:.4f}" if "r" in runs[0] else "not measured",
        ]

    def conclusion(self) -> str:
        """Returns the ratios that the aims are about, in words."""
        theirs = [route for route in self.runs if route.library != "tfdrop" and "error" not in self.runs[route][0]]
        kinds = {
            "by any route that agrees": [route for route in theirs if self.agrees(route)],
            # Of a route that is extrapolated there are no scores; it is believed to agree.
            "by a documented route": [route for route in theirs if route.documented and self.agrees(route, 1.0)],
        }
        best, said = self.fastest(), []
        for kind, routes in kinds.items():
            if best and routes:
                quickest = min(routes, key=self.seconds)
                said.append(f"{kind} {self.seconds(quickest) / best:,.1f} times ({quickest.library}, {quickest.name})")
        if not said:
            return "There is nothing to compare with."
        return f"The fastest of the others takes, in terms of tfdrop's best time: {'; '.join(said)}."
