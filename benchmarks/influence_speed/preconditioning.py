"""Conjugate gradients on the job with more and fewer steps of LiSSA for each direction; writes a page.

    python -m benchmarks.influence_speed.preconditioning --job_network=resnet20 --data_dir=DIR

Runs in one process and thread; processor times, without what is traced, the losses, and the Krylov space of the
spectrum, which solves with LiSSA share; those without have one of their own, from the right-hand side.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_speed.job import job_file, loss, network
from benchmarks.influence_speed.rivals.contender import Job
from train.program import run

LISSA_STEPS = flags.DEFINE_list("lissa_steps", ["0", "12", "24", "48"], "Steps of LiSSA for each direction.")
DEPTHS = flags.DEFINE_list("depths", ["1", "2", "3"], "Steps of conjugate gradients.")
PLAIN_DEPTHS = flags.DEFINE_list("plain_depths", ["5", "7", "9"], "Steps where there are none of LiSSA.")
OUT = flags.DEFINE_string("out", "results/influence_preconditioning.md", "Markdown file to add a section to.")

TITLE = "# Conjugate gradients preconditioned by LiSSA"
JOBS = (("cnn", 2000), ("resnet20", 2000), ("resnet20", 5000))  # the sections of the page, in their order
REFERENCE = {"depth": 200, "tolerance": 1e-5, "part_samples": 0}


def main():
    with tempfile.TemporaryDirectory() as folder:
        job = Job(job_file(Path(folder)))
    start = time.perf_counter()
    influence = influence_model(job)
    reference, _ = solved(influence, job, REFERENCE)
    rows = []
    for steps in map(int, LISSA_STEPS.value):
        for depth in map(int, DEPTHS.value if steps else PLAIN_DEPTHS.value):
            found, seconds = solved(influence, job, {"depth": depth, "lissa_steps": steps, "tolerance": 1e-9})
            r = np.corrcoef(found.scores, reference.scores)[0, 1]
            rows.append([str(steps), str(depth), f"{found.residual:.4f}", f"{r:.5f}", f"{seconds:.1f}"])
            print(*rows[-1], flush=True)
    text = (
        f"The job of [influence_speed.md](influence_speed.md) with the network {job.network}, {len(job.x):,} training "
        f"samples, eigenvalues from {job.smallest:.3g} to {job.largest:.3g}, damping {job.damping:.3g}. r is with "
        f"{len(reference.history)} steps without a preconditioner, to a relative residual of {reference.residual:.1e}."
    )
    module = "benchmarks.influence_speed.preconditioning"
    program = f"{module} --job_network={job.network} --training_samples={len(job.x)}"
    command = pages.command(program, {"data_dir": "DIR"}, ["job", "job_network", "training_samples", "out"])
    origin = pages.origin(command, "one run of each row", time.perf_counter() - start)
    header = ["steps of LiSSA", "steps with all samples", "residual", "r", "processor seconds"]
    lines = [heading(job.network, len(job.x)), "", pages.wrapped(text), ""]
    headings = dict.fromkeys([*map(heading, *zip(*JOBS, strict=True)), lines[0]])
    pages.publish([*lines, *pages.table(header, rows), "", *origin], OUT.value, TITLE, list(headings))


def heading(name, samples):
    return f"## {name}, {samples:,} samples"


def influence_model(job):
    """Returns an `InfluenceModel` with the job's damping; it has traced its derivatives and has its Krylov space."""
    from tfdrop.influence import InfluenceModel

    model = network(job.network, job.logits.shape[-1])
    model.set_weights(job.weights)
    influence = InfluenceModel(model, (job.x, job.y), loss(), damping=job.damping, batch_size=125, verbose=0)
    solved(influence, job, {"depth": 20, "tolerance": 0.99, "lissa_steps": 1})
    return influence


def solved(influence, job, settings):
    """Returns the influence by conjugate gradients with these settings, and the processor time."""
    from tfdrop.influence import ConjugateGradient

    start = time.process_time()
    found = influence.total((job.x_validation, job.y_validation), solver=ConjugateGradient(**settings))
    return found, time.process_time() - start


if __name__ == "__main__":
    run(main)
