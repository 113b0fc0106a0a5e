"""Dropping from a clean set: MNIST, the samples that a replay of the last epoch, or of all, finds worst.

    python -m benchmarks.clean_set --data_dir=DIR
    python -m benchmarks.clean_set --data_dir=DIR --minutes=20   # a slice of it

Hara et al. (2019, "Data Cleansing for Models Trained with SGD") reported that leaving out what a replay of the last
epoch finds worst lowers the test error on MNIST, with 10,000 of the training images for validation. As there, the same
training is taken again without them, in the same batches; a training from another seed stands beside it, and as many
random samples.
"""

import time

from absl import flags

from benchmarks import pages
from benchmarks.clean_set.report import table
from benchmarks.clean_set.trainings import (
    OTHER,
    SAME,
    SEED_OF_OTHERS,
    SETUP,
    arms,
    last_epoch_and_all,
    same_training_without,
    samples,
)
from benchmarks.replay_validity.bank import folder_of
from benchmarks.wrong_labels.arms import kept_rankings, kept_results
from benchmarks.wrong_labels.trainings import tested_without
from tfdrop.checkpoint import Pace
from train.program import run

TITLE = "# Dropping from a clean set\n"

DATASET = flags.DEFINE_string("dataset", "mnist", "Image set.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.", required=True)
SAMPLES = flags.DEFINE_integer("samples", 20000, "Training samples.", lower_bound=1)
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 10000, "Validation samples.", lower_bound=1)
COUNTS = flags.DEFINE_list("counts", ["10", "100", "1000"], "How many samples are dropped.")
SEEDS = flags.DEFINE_integer("seeds", 10, "Seeds.", lower_bound=2)
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the next start goes on.")
BANK = flags.DEFINE_string("bank", "runs/clean_set", "Folder of what was found.")
OUT = flags.DEFINE_string("out", "results/clean_set.md", "Markdown file for the page; none if empty.")


def main():
    start = time.perf_counter()
    train, validation, test = samples(DATASET.value, DATA_DIR.value, SAMPLES.value, VALIDATION_SAMPLES.value)
    pace = Pace(seconds=60, deadline=time.monotonic() + 60 * MINUTES.value)
    folder = folder_of(BANK.value, DATASET.value, "clean", SETUP, train, validation)
    counts = list(map(int, COUNTS.value))
    found = []
    for seed in range(SEEDS.value):

        def find(seed=seed):
            return last_epoch_and_all(train, validation, seed)

        def tested(what, seed=seed):
            indices, start = what
            if start == SAME:
                return same_training_without(train, indices, test, seed)
            return tested_without(SETUP, train, indices, test, seed + SEED_OF_OTHERS)

        dropped = arms(kept_rankings(folder / f"rankings{seed}.npz", find), counts, seed)
        found.append(kept_results(dropped, tested, folder / f"results{seed}.json", pace))
    about = (
        f"{DATASET.value}, {SETUP.description(train, validation)} The validation samples are training images, too; "
        f"tested on {len(test[1])} images. Replays of the summed cross-entropy: of the last epoch, as Hara et al. have "
        f"it, and of the whole training. {SAME.capitalize()}: the one that was replayed, in the same batches, the "
        f"losses of dropped samples times 0. {OTHER.capitalize()}: from another seed, on the other samples alone. "
        f"Differences are paired by {len(found)} seeds, with the 95 % interval of Student's t; all have the same "
        "validation samples. Hara et al. have 50,000 samples, no momentum, a constant rate and random crops."
    )
    text = [TITLE, pages.wrapped(about), "", *table(found, counts), ""]
    command = pages.command("benchmarks.clean_set", {"data_dir": "DIR"}, ["out", "bank"])
    text += pages.origin(command, f"{len(found)} seeds", time.perf_counter() - start)
    print("\n".join(text))
    if OUT.value:
        pages.write(OUT.value, "\n".join(text) + "\n")


if __name__ == "__main__":
    run(main)
