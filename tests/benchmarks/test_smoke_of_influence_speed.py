"""The engine's speed beside other libraries runs at toy size and says something true; by hand, as `test_smoke`."""

import json
import subprocess

import numpy as np
import pytest
from benchmark_runs import TFDROP_ROUTES, by_hand, cells, python_with
from programs import ROOT

from benchmarks.influence_speed.rivals.contender import Job
from benchmarks.influence_speed.routes import ROUTES

pytestmark = by_hand


def test_speed_compares_the_routes_that_were_run(runs):
    rows = cells(runs["speed"].page)
    routes, parts, memory = rows[: len(ROUTES)], rows[len(ROUTES) : -1], rows[-1]
    [(_, title, seconds, wall, times, mebibytes, r)] = [row for row in routes if row[2] != "not run"]
    assert title == '`solver="cg"`, its own tolerance'
    assert float(r) > 0.999
    assert float(times) == 1
    assert min(map(float, (seconds, wall, mebibytes))) >= 0
    assert len(parts) == 8
    assert all(0 < float(row[1].split()[0]) < 1e4 for row in parts)
    assert "ResNet-20" in runs["speed"].page
    assert memory[1].endswith(" MiB")


def test_self_influence_from_bases_stands_beside_solves(runs):
    rows = cells(runs["self"].page)
    assert [row[0] for row in rows] == ["4", "6"]
    for _, seconds, mean, largest, bound, _ in rows:
        assert float(seconds) >= 0
        errors = [float(cell.rstrip("%")) for cell in (mean, largest, bound)]
        assert -0.5 < errors[0] <= errors[1] + 0.1
        assert errors[0] <= errors[2] + 1


def test_steps_of_lissa_stand_beside_the_converged_solution(runs):
    rows = cells(runs["preconditioning"].page)
    assert [row[:2] for row in rows] == [["0", "1"], ["0", "2"], ["3", "1"]]
    for _, _, residual, r, seconds in rows:
        assert 0 <= float(residual) < 1
        assert 0.5 < float(r) <= 1
        assert float(seconds) >= 0
    assert float(rows[1][2]) < float(rows[0][2])


def test_the_influence_matrix_from_bases_stands_beside_solves(runs):
    rows = cells(runs["matrix"].page)
    assert [row[0] for row in rows] == ["4", "12"]
    for _, seconds, mean, smallest, residual, worst in rows:
        assert float(seconds) >= 0
        assert -1 <= float(smallest) <= float(mean) <= 1
        assert float(residual) > 0
        assert 0 <= float(worst.rstrip("%")) <= 100
    assert float(rows[1][2]) > float(rows[0][2])


def test_tfdrops_routes_agree_with_the_converged_solution(runs, folder):
    assert runs["job"].status == 0, runs["job"].err
    job = Job(folder / "job.npz")
    assert job.x.shape == (20, 32, 32, 3)
    assert job.smallest + job.damping > 0
    reference = np.load(folder / "reference.npy")
    for route in TFDROP_ROUTES:
        run = runs[f"tfdrop, {route}"]
        assert run.status == 0, run.err
        assert json.loads(run.out)["logit_error"] < 1e-4
        scores = np.load(folder / f"{route}.npy")
        assert scores.shape == (20,)
        assert np.corrcoef(scores, reference)[0, 1] > 0.99, route


@pytest.mark.parametrize(
    ("package", "variable", "library", "route"),
    [
        ("pydvl", "PYDVL_PYTHON", "pydvl", "internals cg"),
        ("deel", "INFLUENCIAE_PYTHON", "influenciae", "internals cg"),
    ],
)
def test_rivals_agree_with_the_converged_solution(runs, folder, package, variable, library, route):
    python = python_with(package, variable)
    if python is None:
        pytest.skip(f"{package} is not installed, and {variable} names no Python that has it")
    command = [python, "-m", f"benchmarks.influence_speed.rivals.{library}_contender", folder / "job.npz", route, "20"]
    finished = subprocess.run([*command, folder / "rival.npy"], capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout.splitlines()[-1])["logit_error"] < 1e-4
    found = [np.load(folder / name) for name in ("rival.npy", "reference.npy")]
    assert np.corrcoef(*found)[0, 1] > 0.99
