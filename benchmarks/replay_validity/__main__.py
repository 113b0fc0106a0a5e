"""Replay beside retraining: does it predict what a training without some samples does, and does dropping by it help?

    python -m benchmarks.replay_validity --data_dir=DIR --setup=gelu_cnn
    python -m benchmarks.replay_validity --data_dir=DIR --setup=gelu_cnn --minutes=20   # a part of it
    python -m benchmarks.replay_validity --data_dir=DIR --setup=gelu_cnn --slice=1/4    # beside three others

    lds        A model is trained on all samples, and the change of the summed validation measure is predicted for
               random subsets that are left out. Then the same training is repeated without each subset: from the same
               seed, each sample in the same batch of the same step, those left out with weight 0. The score is
               Spearman's correlation over the subsets. What the trainings of other seeds predict stands beside it.
    dampings   The same score of influence functions with more and less damping, and over segments of the training.
    smoothness Whether the training answers its samples' weights smoothly, at other learning rates.
    extremes   The samples that a replay puts first are left out together, or weigh less, in the training that was
               replayed: does what holds for random subsets hold for them?
    dropping   The samples that each ranking puts first are dropped, and networks trained from other seeds without
               them are compared on the test set with networks trained without as many random samples.

Each part writes its section of the file `--out` and keeps the sections of the others.
"""

import time

from absl import flags

from benchmarks import pages
from benchmarks.replay_validity import dampings as dampings
from benchmarks.replay_validity import dropping as dropping
from benchmarks.replay_validity import extremes as extremes
from benchmarks.replay_validity import lds as lds
from benchmarks.replay_validity import smoothness as smoothness
from benchmarks.replay_validity.bank import folder_of
from benchmarks.replay_validity.denoiser import DenoiserSetup
from benchmarks.replay_validity.setups import SETUPS
from tfdrop.checkpoint import Pace
from tfdrop.errors import UserError, unknown
from train.program import run

PARTS = {"lds": lds, "dampings": dampings, "smoothness": smoothness, "extremes": extremes, "dropping": dropping}
TITLE = "# What replay predicts, and what retraining finds\n"
ON_JAX = ": on JAX"  # each backend has trainings of its own
HEADINGS = [
    heading + on
    for setup in SETUPS.values()
    for part in PARTS.values()
    for heading in part.headings(setup)
    for on in ("", ON_JAX)
]

CHOSEN = flags.DEFINE_list("parts", ["lds"], f"Parts to run: some of {', '.join(PARTS)}.")
SETUP = flags.DEFINE_string("setup", "gelu_cnn", f"What is trained: one of {', '.join(SETUPS)}.")
DATASET = flags.DEFINE_string("dataset", "cifar10", "Image set; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
SAMPLES = flags.DEFINE_integer("samples", 2000, "Training samples.")
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 1000, "Validation samples.")
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the bank goes on at the next start.")
BANK = flags.DEFINE_string("bank", "runs/bank", "Folder of the bank.")
SLICE = flags.DEFINE_string("slice", "", "i/n: only every n-th retraining of lds, from the i-th on; no section.")
OUT = flags.DEFINE_string("out", "results/replay_validity.md", "Markdown file for the section; none if empty.")


def main():
    import keras

    if SETUP.value not in SETUPS:
        raise unknown("setup", SETUP.value, list(SETUPS))
    for name in CHOSEN.value:
        if name not in PARTS:
            raise unknown("parts", name, list(PARTS))
    setup = SETUPS[SETUP.value]
    if isinstance(setup, DenoiserSetup) and CHOSEN.value != ["lds"]:
        raise UserError(f"--setup={SETUP.value}: the parts are of classifiers, except --parts=lds")
    train, images = setup.load(DATASET.value, DATA_DIR.value, SAMPLES.value, VALIDATION_SAMPLES.value)
    pace = Pace(seconds=60, deadline=time.monotonic() + 60 * MINUTES.value)
    folder = folder_of(BANK.value, images.name, SETUP.value, setup, train, images.validation)
    if SLICE.value:
        lds.retrain_slice(setup, images, train, folder, SLICE.value, pace)
        return
    for name in CHOSEN.value:
        start = time.perf_counter()
        lines = [*PARTS[name].section(setup, images, train, folder, pace), ""]
        lines[0] += ON_JAX if keras.backend.backend() == "jax" else ""
        lines += pages.origin(_command(name), PARTS[name].n(), time.perf_counter() - start)
        pages.publish(lines, OUT.value, TITLE, HEADINGS)


def _command(part):
    program = f"benchmarks.replay_validity --parts={part} --setup={SETUP.value}"
    return pages.command(program, {"data_dir": "DIR"}, ["parts", "setup", "out", "bank"])


if __name__ == "__main__":
    run(main)
