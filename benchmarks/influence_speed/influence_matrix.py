"""The influence of all training samples of the job on each validation sample from one basis, beside solves; a page.

    python -m benchmarks.influence_speed.influence_matrix --data_dir=DIR

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
COLUMNS = flags.DEFINE_integer("columns", 10, "Random validation samples that are solved for.", lower_bound=1)
OUT = flags.DEFINE_string("out", "results/influence_matrix.md", "Markdown file to write to.")

TOLERANCE = 1e-3  # of the solves
DEPTH = 40  # most steps of each solve
HARMFUL = 3  # training samples that harm a validation sample most


def main():
    with tempfile.TemporaryDirectory() as folder:
        job = Job(job_file(Path(folder)))
    start = time.perf_counter()
    chosen = np.sort(np.random.default_rng(0).permutation(len(job.x_validation))[: COLUMNS.value])
    exact, seconds = _solved(job, chosen)
    rows = [_row(job, int(size), chosen, exact) for size in BASES.value]
    text = (
        f"The job of [influence_speed.md](influence_speed.md), {len(job.x):,} training samples, "
        f"{len(job.x_validation)} validation samples and {sum(weight.size for weight in job.weights):,} weights: "
        f"Gauss-Newton, automatic damping, batches of 100, `influence_matrix(basis=...)`. {len(chosen)} random "
        f"validation samples were solved for by conjugate gradients, to a relative residual of {TOLERANCE:g} or "
        f"{DEPTH} steps, in {seconds / len(chosen):.1f} s of processor time each, with the scores. r is the "
        "correlation with their scores, a column each; the residual is what `residuals` says. Worst: how many of the "
        f"{HARMFUL} training samples that harm such a validation sample most are found."
    )
    header = ["`basis`", "processor seconds", "r, mean", "smallest", "residual", "worst found"]
    command = pages.command(
        "benchmarks.influence_speed.influence_matrix", {"data_dir": "DIR", "job": "job.npz"}, ["out"]
    )
    n = f"{len(chosen)} validation samples solved, one run of each basis"
    lines = ["# The influence matrix from a basis of the curvature", "", pages.wrapped(text), ""]
    lines += [*pages.table(header, rows), "", *pages.origin(command, n, time.perf_counter() - start)]
    print(*lines, sep="\n")
    if OUT.value:
        pages.write(OUT.value, "\n".join(lines) + "\n")


def _solved(job, chosen):
    """Returns the columns of some validation samples, each by a solve, and the processor time."""
    from tfdrop.influence import ConjugateGradient

    start = time.process_time()
    solver = ConjugateGradient(depth=DEPTH, tolerance=TOLERANCE)
    found = gauss_newton(job).matrix((job.x_validation[chosen], job.y_validation[chosen]), solver=solver)
    return found.scores, time.process_time() - start


def _row(job, size, chosen, exact):
    start = time.process_time()
    found = gauss_newton(job).matrix((job.x_validation, job.y_validation), basis=size)
    seconds = time.process_time() - start
    pairs = list(zip(found.scores[:, chosen].T, exact.T, strict=True))
    correlations = [np.corrcoef(*pair)[0, 1] for pair in pairs]
    worst = np.mean([len(_worst(one) & _worst(other)) for one, other in pairs])
    print(size, seconds, correlations, flush=True)
    return [
        str(size),
        f"{seconds:.0f}",
        f"{np.mean(correlations):.4f}",
        f"{min(correlations):.4f}",
        f"{found.residuals.max():.3f}",
        f"{worst / HARMFUL:.0%}",
    ]


def _worst(column):
    return set(np.argsort(-column)[:HARMFUL].tolist())


if __name__ == "__main__":
    run(main)
