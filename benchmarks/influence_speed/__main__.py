"""How fast the influence engine is on the same job as pyDVL and influenciae; writes results/influence_speed.md.

    python -m venv ENV1 && ENV1/bin/pip install "pydvl[influence]==0.10.0" torch==2.13.0
    python3.11 -m venv ENV2 && ENV2/bin/pip install "tensorflow==2.15.*" "matplotlib<3.11"
    ENV2/bin/pip install --no-deps influenciae==0.3.0
    python -m benchmarks.influence_speed --data_dir=DIR \\
        --pydvl_python=ENV1/bin/python --influenciae_python=ENV2/bin/python

For each iterative route of a library, the benchmark seeks the least effort at which the scores agree with the converged
solution. It reports that run and its repeats, in which the libraries take turns. Each run is a process of its own on
one core. Times are processor times, which scatter less than those on the wall on a machine that does other things too.
It takes about an hour, most of it influenciae's.
"""

import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks import pages
from benchmarks.influence_speed.contest import AGREEMENT, REFERENCE_STEPS, REPEATS, Contest, check_flags
from benchmarks.influence_speed.job import DATASET, job_file
from benchmarks.influence_speed.rivals.contender import Job
from benchmarks.one_core import run_module
from train.program import run

TURNS = flags.DEFINE_integer("turns", 7, "Timed turns of the engine's parts.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 100, "Samples in a batch of the engine's parts.")
NETWORKS = flags.DEFINE_multi_enum("network", ["cnn", "resnet20"], ["cnn", "resnet20"], "Networks of the parts.")
MEMORY_SAMPLES = flags.DEFINE_list(
    "memory_samples", ["1000", "4000", "16000"], "Training samples to measure memory of."
)
OUT = flags.DEFINE_string("out", "results/influence_speed.md", "Markdown file to write the tables to.")

PRIMITIVES = "benchmarks.influence_speed.primitives"
NETWORK_TITLES = {"cnn": "the job's CNN", "resnet20": "ResNet-20"}
JOB_TITLES = {"cnn": "a CNN", "resnet20": "a ResNet-20"}
AIMS = {
    "Hessian-vector product / gradient": "<= 2.3",
    "scoring a batch / forward pass": "<= 3.2",
    "per-sample Jacobian / scoring": ">= 50",
}
SHOWN = {
    "data_dir": "DIR",
    "job": "job.npz",
    "pydvl_python": "ENV1/bin/python",
    "influenciae_python": "ENV2/bin/python",
}


def main():
    check_flags()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job_path = job_file(folder)
        contest = Contest(job_path, folder)
        contest.run()
        text = report(Job(job_path), contest, parts_table(), memory_table())
    print(text)
    if OUT.value:
        pages.write(OUT.value, text)


def parts_table():
    """Returns the lines of the table of the engine's parts."""
    sizes = f"--turns={TURNS.value}", f"--batch_size={BATCH_SIZE.value}"
    found = [run_module(sys.executable, PRIMITIVES, f"--network={name}", *sizes) for name in NETWORKS.value]
    rows = []
    for ratio in [name for name in found[0] if name != "gradient_ms"]:
        cells = ["{:.2f} ({:.2f} to {:.2f})".format(each[ratio]["median"], *each[ratio]["quartiles"]) for each in found]
        rows.append([ratio, *cells, AIMS.get(ratio, "")])
    gradients = [f"{each['gradient_ms']:.0f} ms" for each in found]
    header = ["", *(NETWORK_TITLES[name] for name in NETWORKS.value), "aim"]
    return pages.table(header, [*rows, [f"gradient of {BATCH_SIZE.value} samples", *gradients, ""]])


def memory_table():
    """Returns the lines of the table of memory by the number of training samples."""
    counts = [int(count) for count in MEMORY_SAMPLES.value]
    size = f"--batch_size={BATCH_SIZE.value}"
    found = [run_module(sys.executable, PRIMITIVES, f"--memory_of={count}", size) for count in counts]
    cells = [f"{one['peak_mib']:.0f} MiB" for one in found]
    header = ["training samples", *(f"{count:,}" for count in counts)]
    return pages.table(header, [["memory beyond model and data", *cells]])


def report(job, contest, parts, memory):
    parameters = sum(weight.size for weight in job.weights)
    introduction = pages.wrapped(
        f"The job: {JOB_TITLES[job.network]} of {parameters:,} parameters (`benchmarks/influence_speed/job.py`), "
        f"{len(job.x):,} training samples of {DATASET.value}, the summed loss of {len(job.x_validation)} validation "
        "samples. The matrix, for all: the Hessian of the mean training loss, with eigenvalues from "
        f"{job.smallest:.3f} to {job.largest:.1f}, plus a damping of {job.damping:.3f}. r is the correlation of the "
        "scores with the converged solution (conjugate gradients to a relative residual of 1e-6, or "
        f"{REFERENCE_STEPS.value} steps); for an iterative route, the least effort with r >= {AGREEMENT} is shown, or "
        "the largest that was tried. Times and memory are from model and data in the library's own form to the scores, "
        "including tracing and compiling but not imports. Each run has one core, "
        "one thread and a process of its own. Times are medians over the runs of a route, with the fastest and the "
        'slowest next to them. "Internals" are routes that users are not shown: the gradient of the sum passed to a '
        "library's own solver."
    )
    about_parts = pages.wrapped(
        f"Processor times as ratios within a turn, in batches of {BATCH_SIZE.value}: medians (quartiles). A layer's "
        "gradient takes three convolutions where its forward pass takes one; scoring takes three; and a Hessian-vector "
        "product, forward over backward, eight. So with nothing but convolutions the ratios are 3 and 2.67. The CNN "
        "also has max pooling, whose derivative is slow on a CPU. The per-sample Jacobian is `GradientTape.jacobian`."
    )
    about_memory = pages.wrapped(
        f"Peak memory of one product with all training samples and of their scores, in batches of {BATCH_SIZE.value}:"
    )
    n = f"up to {REPEATS.value} runs of a route, {TURNS.value} turns of the parts; memory is measured once"
    origin = pages.origin(pages.command("benchmarks.influence_speed", SHOWN, ["out"]), n)
    blocks = [
        ["# The influence engine compared with other libraries"],
        [introduction],
        contest.table(),
        [contest.conclusion()],
        ["## The engine's parts"],
        [about_parts],
        parts,
        [about_memory],
        memory,
        origin,
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


if __name__ == "__main__":
    run(main)
