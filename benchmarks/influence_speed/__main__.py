"""How fast the influence engine is, beside pyDVL and influenciae on the same job; writes results/influence_speed.md.

    python -m venv ENV1 && ENV1/bin/pip install "pydvl[influence]==0.10.0" torch==2.13.0
    python3.11 -m venv ENV2 && ENV2/bin/pip install "tensorflow==2.15.*" "matplotlib<3.11"
    ENV2/bin/pip install --no-deps influenciae==0.3.0
    python -m benchmarks.influence_speed --data_dir=DIR \\
        --pydvl_python=ENV1/bin/python --influenciae_python=ENV2/bin/python

Of every library's iterative routes the least effort is sought at which the scores agree with the converged solution;
that run and its repeats, in which the libraries take turns, are what is reported. Each run is a process of its own on
one core. Times are the processor's, which on a machine that does other things too scatter less than those on the wall.
About an hour, most of it influenciae's.
"""

import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks.influence_speed import job as job_module
from benchmarks.influence_speed.contest import AGREEMENT, REPEATS, Contest, run_module
from benchmarks.influence_speed.rivals.contest import Job
from tfdrop.checkpoint import replace
from train.program import run

TURNS = flags.DEFINE_integer("turns", 7, "Timed turns of the engine's parts.")
OUT = flags.DEFINE_string("out", "results/influence_speed.md", "Markdown file to write the tables to.")

MEMORY_SAMPLES = (1000, 4000, 16000)
AIMS = {
    "Hessian-vector product / gradient": "<= 2.3",
    "scoring a batch / forward pass": "<= 3.2",
    "per-sample Jacobian / scoring": ">= 50",
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        job_path = Path(job_module.JOB.value) if job_module.JOB.value else make_job(folder / "job.npz")
        contest = Contest(job_path, folder)
        lines = contest.table()
        text = report(Job(job_path), contest, lines, parts_table(), memory_table())
    print(text)
    if OUT.value:
        replace(OUT.value, lambda partial: partial.write_text(text))


def make_job(path):
    flags_of_job = (job_module.DATASET, job_module.DATA_DIR, job_module.JOB_EPOCHS)
    values = [f"--{flag.name}={flag.value}" for flag in flags_of_job if flag.value is not None]
    run_module(sys.executable, "influence_speed_job", f"--job={path}", *values)
    return path


def parts_table():
    """Returns the lines of the table of the engine's parts."""
    module, turns = "influence_speed_primitives", f"--turns={TURNS.value}"
    found = [run_module(sys.executable, module, f"--model={name}", turns) for name in ("cnn", "resnet20")]
    gradients = " | ".join(f"{network.pop('gradient_ms'):.0f} ms" for network in found)
    lines = ["| | the job's CNN | ResNet-20 | aim |", "|---|---|---|---|"]
    for name in found[0]:
        cells = [
            "{:.2f} ({:.2f} to {:.2f})".format(network[name]["median"], *network[name]["quartiles"])
            for network in found
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {AIMS.get(name, '')} |")
    return [*lines, f"| gradient of 100 samples | {gradients} | |"]


def memory_table():
    """Returns the lines of the table of memory by the number of training samples."""
    found = [run_module(sys.executable, "influence_speed_primitives", f"--memory_of={n}") for n in MEMORY_SAMPLES]
    cells = [f"{one['peak_mib']:.0f} MiB" for one in found]
    return [
        f"| training samples | {' | '.join(f'{n:,}' for n in MEMORY_SAMPLES)} |",
        "|---|---|---|---|",
        f"| memory above model and data | {' | '.join(cells)} |",
    ]


def report(job, contest, contest_lines, parts_lines, memory_lines):
    import keras
    import tensorflow as tf

    from experiments.environment import environment

    found = environment()
    newline = "\n"
    return f"""# The influence engine beside other libraries

The job: a CNN of {sum(weight.size for weight in job.weights):,} parameters (`benchmarks/influence_speed_job.py`),
{len(job.x):,} training samples of {job_module.DATASET.value}, the summed loss of {len(job.x_validation)} validation
samples. The matrix, for all: the Hessian of the mean training loss, eigenvalues from {job.smallest:.3f} to
{job.largest:.1f}, plus a damping of {job.damping:.3f}. r is the correlation of the scores with the converged solution
(conjugate gradients to a relative residual of 1e-6); of an iterative route the least effort with r >= {AGREEMENT} is
shown, or the most that was tried. Times and memory are from model and data in the library's own form to the scores,
with what is traced or compiled on the way, without imports. Each run has one core, one thread and a process of its own;
medians of up to {REPEATS.value} runs, fastest and slowest beside them. "Internals" are routes that users are not shown:
the gradient of the sum handed to a library's own solver.

{newline.join(contest_lines)}

{contest.conclusion()}

## The engine's parts

Processor time as ratios within each of {TURNS.value} turns, batches of 100: medians (quartiles). A layer's gradient
takes three convolutions where its forward pass takes one, scoring three, and a Hessian-vector product, forward over
backward, eight: so where there is nothing but convolutions the ratios are 3 and 2.67. The CNN has max pooling besides,
whose derivative is slow on a CPU. The per-sample Jacobian is `GradientTape.jacobian`.

{newline.join(parts_lines)}

Peak memory of one product with all training samples and their scores, batches of 100:

{newline.join(memory_lines)}

- Command: `python -m benchmarks.influence_speed {" ".join(_given_flags())}`
- Machine: {found["machine"]}; Python {found["python"]}, TensorFlow {tf.__version__}, Keras {keras.__version__}
- Date: {found["date"]}, commit {found["commit"]}
"""


def _given_flags():
    """The flags as they were given, without this machine's paths."""
    paths = {"data_dir": "DIR", "pydvl_python": "ENV1/bin/python", "influenciae_python": "ENV2/bin/python", "job": None}
    arguments = [argument.lstrip("-").partition("=") for argument in sys.argv[1:]]
    return [f"--{name}={paths.get(name, value)}" for name, _, value in arguments if paths.get(name, value)]


if __name__ == "__main__":
    run(main)
