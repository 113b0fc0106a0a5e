"""Data dropout on sets with planted wrong labels, beside the oracle, random samples, and other rankings.

    python -m benchmarks.wrong_labels --data_dir=DIR --dataset=mnist --share=0.2
    python -m benchmarks.wrong_labels --data_dir=DIR --dataset=mnist --share=0.2 --minutes=20   # a slice of it

In each repetition other labels are wrong, in the validation samples too, one training ranks the samples in every way,
and networks that start from another seed are trained without those that each ranking puts first. Needs cleanlab
(`pip install ".[cleanlab]"`).
"""

import time
from functools import partial
from pathlib import Path

from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import load_images
from benchmarks.replay_validity.bank import folder_of
from benchmarks.replay_validity.trainings import prepared
from benchmarks.wrong_labels.arms import FIRST_TEST_SEED, dropped_samples, kept_rankings, kept_results
from benchmarks.wrong_labels.overview import overview
from benchmarks.wrong_labels.planted import DUPLICATES, KINDS, conflicting, planted
from benchmarks.wrong_labels.rankings import WITH_A_ZERO, rankings
from benchmarks.wrong_labels.report import heading, headings, section
from benchmarks.wrong_labels.trainings import SETUPS, Outcome, tested_without
from tfdrop.checkpoint import Pace
from tfdrop.errors import UserError, unknown
from train.program import run

TITLE = "# Wrong labels: what dropping does, and what finds them\n"

DATASET = flags.DEFINE_string("dataset", "mnist", f"Image set: one of {', '.join(SETUPS)}; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
SAMPLES = flags.DEFINE_integer("samples", 1000, "Training samples.")
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 500, "Validation samples.")
TEST_SAMPLES = flags.DEFINE_integer("test_samples", 2000, "Test images.", lower_bound=1)
SHARE = flags.DEFINE_float("share", 0.2, "Share of wrong labels.", lower_bound=0, upper_bound=0.9)
KIND = flags.DEFINE_enum(
    "kind", "symmetric", list(KINDS), "Any other class, always the next one, or images that occur twice."
)
DROPPED = flags.DEFINE_float(
    "dropped", 0.0, "Share that each ranking drops; that of the wrong labels, or 0.05 where there are none, if 0."
)
REPETITIONS = flags.DEFINE_integer("repetitions", 5, "Repetitions.", lower_bound=1)
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the next start goes on.")
BANK = flags.DEFINE_string("bank", "runs/wrong_labels", "Folder of what was found.")
OUT = flags.DEFINE_string("out", "results/wrong_labels_rankings.md", "Markdown file for the section; none if empty.")


def main():
    if DATASET.value not in SETUPS:
        raise unknown("dataset", DATASET.value, list(SETUPS))
    start = time.perf_counter()
    setup = SETUPS[DATASET.value]
    share, kind = SHARE.value * (KIND.value != DUPLICATES), KIND.value
    first = conflicting if kind == DUPLICATES else None
    images = load_images(DATASET.value, DATA_DIR.value, VALIDATION_SAMPLES.value, first)
    train, images = prepared(setup, images, SAMPLES.value)
    if kind == DUPLICATES and not conflicting(*train).any():
        raise UserError(f"--kind={kind}: no image of {DATASET.value} occurs twice with two labels")
    pace = Pace(seconds=60, deadline=time.monotonic() + 60 * MINUTES.value)
    x, y = images.test
    test = x[: TEST_SAMPLES.value], y[: TEST_SAMPLES.value]
    count = round((DROPPED.value or share or 0.05) * len(train[1]))
    folder = folder_of(BANK.value, images.name, f"{kind}{share:g}", setup, train, images.validation)
    found = []
    for seed in range(REPETITIONS.value):
        samples = planted(images, train, share, kind, seed)
        ranked = kept_rankings(folder / f"rankings{seed}.npz", partial(rankings, setup, samples, seed))
        dropped = dropped_samples(ranked, samples.wrong, count, seed, WITH_A_ZERO)

        def tested(indices, samples=samples, seed=seed):
            return tested_without(setup, samples.train, indices, test, FIRST_TEST_SEED + seed)

        path = folder / f"results{seed}_{count}_{len(test[1])}.json"
        results = {name: Outcome(*values) for name, values in kept_results(dropped, tested, path, pace).items()}
        found.append((samples.wrong, ranked, dropped, results))
    about = f"{images.name}, {setup.description(train, images.validation)}"
    lines = [heading(setup, share, kind), "", *section(about, share, kind, count, len(test[1]), found), ""]
    command = pages.command("benchmarks.wrong_labels", {"data_dir": "DIR"}, ["out", "bank"])
    lines += pages.origin(command, f"{len(found)} repetitions", time.perf_counter() - start)
    pages.publish(lines, OUT.value, TITLE, headings())
    if OUT.value:
        pages.put_section(OUT.value, TITLE, headings(), overview(Path(OUT.value).read_text()))


if __name__ == "__main__":
    run(main)
