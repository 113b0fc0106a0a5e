"""Self-influence of all samples of the job from bases of growing size, beside solves of some; writes a page.

    python -m benchmarks.influence_speed.self_influence --data_dir=DIR

Runs in one process and thread; processor times, with what is traced and compiled.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_speed.job import gauss_newton, job_file
from benchmarks.influence_speed.rivals.contender import Job
from train.program import run

BASES = flags.DEFINE_list("bases", ["20", "40", "60"], "Vectors of the bases.")
SOLVED = flags.DEFINE_integer("solved", 10, "Random samples that are solved for.", lower_bound=1)
DEPTH = flags.DEFINE_integer("depth", 40, "Most steps of each solve.", lower_bound=1)
OUT = flags.DEFINE_string("out", "results/self_influence.md", "Markdown file to write to.")

TOLERANCE = 1e-3  # of the solves


def main():
    with tempfile.TemporaryDirectory() as folder:
        job = Job(job_file(Path(folder)))
    start = time.perf_counter()
    chosen = np.random.default_rng(0).permutation(len(job.x))[: SOLVED.value]
    exact, seconds = solved(job, chosen)
    rows = [_row(job, int(size), chosen, exact) for size in BASES.value]
    text = (
        f"The job of [influence_speed.md](influence_speed.md), {len(job.x):,} training samples and "
        f"{sum(weight.size for weight in job.weights):,} weights: Gauss-Newton, automatic damping, batches of 100. "
        f"Solves of {len(chosen)} random samples by conjugate gradients, to a relative residual of {TOLERANCE:g} or "
        f"{DEPTH.value} steps, took {seconds / len(chosen):.1f} s of processor time each. The bound is what "
        "`standard_errors` says: by how much the scores may be too large at most."
    )
    header = ["`basis`", "processor seconds, all samples", "error of the solved, mean", "largest", "bound, mean", "r"]
    command = pages.command("benchmarks.influence_speed.self_influence", {"data_dir": "DIR", "job": "job.npz"}, ["out"])
    origin = pages.origin(command, f"{len(chosen)} samples solved, one run of each basis", time.perf_counter() - start)
    lines = ["# Self-influence from a basis of the curvature", "", pages.wrapped(text), ""]
    lines += [*pages.table(header, rows), "", *origin]
    print(*lines, sep="\n")
    if OUT.value:
        pages.write(OUT.value, "\n".join(lines) + "\n")


def solved(job, chosen):
    """Returns the scores of some samples, each by a solve, and the processor time."""
    from tfdrop.influence import ConjugateGradient

    start = time.process_time()
    solver = ConjugateGradient(depth=DEPTH.value, tolerance=TOLERANCE)
    return gauss_newton(job).self_influence(solver=solver, samples=chosen.tolist()).scores, time.process_time() - start


def _row(job, size, chosen, exact):
    start = time.process_time()
    found = gauss_newton(job).self_influence(basis=size)
    seconds = time.process_time() - start
    errors = found.scores[chosen] / exact - 1
    bound = np.mean(found.standard_errors[chosen] / exact)
    correlation = np.corrcoef(found.scores[chosen], exact)[0, 1] if len(chosen) > 1 else np.nan
    print(size, seconds, errors, flush=True)
    return [
        str(size),
        f"{seconds:.0f}",
        f"{np.mean(errors):+.1%}",
        f"{errors[np.argmax(np.abs(errors))]:+.1%}",
        f"{bound:.0%}",
        f"{correlation:.4f}",
    ]


if __name__ == "__main__":
    run(main)
