"""Does influence tell what leaving samples out does? Three tests against retraining and known answers, on MNIST.

    python -m benchmarks.influence_validity --data_dir=DIR                # half an hour on two busy cores
    python -m benchmarks.influence_validity --data_dir=DIR --parts=loo

    loo     softmax regression: influence compared with leave-one-out retraining to the optimum
    lds     a small CNN: predicted validation losses of random half subsets, compared with retrained ones
    labels  a small CNN, a tenth of the labels wrong: finding them

Each part writes its section of the file `--out` and keeps the sections of the others.
"""

import time

from absl import flags

from benchmarks import pages
from benchmarks.influence_validity import labels as labels
from benchmarks.influence_validity import lds as lds
from benchmarks.influence_validity import loo as loo
from benchmarks.influence_validity.images import load_images
from tfdrop.errors import unknown
from train.program import run

PARTS = {"loo": loo, "lds": lds, "labels": labels}
HEADINGS = [part.HEADING for part in PARTS.values()]
TITLE = "# What influence predicts, and what retraining finds\n"

CHOSEN = flags.DEFINE_list("parts", list(PARTS), f"Parts to run: some of {', '.join(PARTS)}.")
DATASET = flags.DEFINE_string("dataset", "mnist", "Image set; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 1000, "Validation samples.")
OUT = flags.DEFINE_string("out", "results/influence_validity.md", "Markdown file for the sections; none if empty.")


def main():
    for name in CHOSEN.value:
        if name not in PARTS:
            raise unknown("parts", name, list(PARTS))
    images = load_images(DATASET.value, DATA_DIR.value, VALIDATION_SAMPLES.value)
    for name in CHOSEN.value:
        start = time.perf_counter()
        lines = [*PARTS[name].section(images), ""]
        lines += pages.origin(command(name), PARTS[name].n(), time.perf_counter() - start)
        pages.publish(lines, OUT.value, TITLE, HEADINGS)


def command(name):
    """Returns the command line for one part."""
    of_others = [flag for flag in flags.FLAGS if flag.startswith(tuple(f"{part}_" for part in PARTS if part != name))]
    program = f"benchmarks.influence_validity --parts={name}"
    return pages.command(program, {"data_dir": "DIR"}, ["parts", "out", *of_others])


if __name__ == "__main__":
    run(main)
