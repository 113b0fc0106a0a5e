"""Whether influence tells what leaving samples out does: three proofs against retraining and known answers, on MNIST.

    python -m benchmarks.influence_validity --data_dir=DIR                # half an hour on two busy cores
    python -m benchmarks.influence_validity --data_dir=DIR --parts=loo

    loo     softmax regression: influence beside leave-one-out retraining to the optimum
    lds     a small CNN: predicted beside retrained validation losses of random half subsets
    labels  a small CNN, a tenth of the labels wrong: finding them

Each part is a section of the file `--out`; the sections of other parts are kept.
"""

import datetime
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.influence_validity import labels as labels
from benchmarks.influence_validity import lds as lds
from benchmarks.influence_validity import loo as loo
from experiments.environment import environment
from tfdrop.checkpoint import replace
from tfdrop.errors import UserError, blaming
from train.program import run

PARTS = {"loo": loo, "lds": lds, "labels": labels}
TITLE = "# What influence predicts, and what retraining finds\n"

_PARTS = flags.DEFINE_list("parts", list(PARTS), f"Parts to run: some of {', '.join(PARTS)}.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared data sets, with MNIST in it.")
_OUT = flags.DEFINE_string("out", "results/influence_validity.md", "Markdown file for the sections; none if empty.")


def mnist(data_dir):
    """Returns MNIST as pairs of arrays, training and validation, in a fixed random order.

    Grey levels are from 0 to 1; the test part is the validation data.
    """
    from tfdrop.data.sets.named import load_image_set

    with blaming("data_dir", data_dir):
        digits = load_image_set("mnist", data_dir)
    rng = np.random.default_rng(0)
    parts = []
    for images, classes in (digits.train, digits.test):
        order = rng.permutation(len(images))[:10000]
        parts.append(((images[order] / 255).astype("float32"), classes[order]))
    return parts


def main():
    unknown = [name for name in _PARTS.value if name not in PARTS]
    if unknown:
        raise UserError(f"--parts={','.join(_PARTS.value)}: expected some of {', '.join(PARTS)}")
    train, validation = mnist(_DATA_DIR.value)
    for name in _PARTS.value:
        start = time.perf_counter()
        lines = [*PARTS[name].section(train, validation), ""]
        section = "\n".join(map(_wrapped, [*lines, _origin(name, time.perf_counter() - start)]))
        print(section, flush=True)
        if _OUT.value:
            _put(Path(_OUT.value), section)


def _wrapped(line):
    return line if line.startswith(("|", "#")) else textwrap.fill(line, 120, break_on_hyphens=False)


def _origin(name, seconds):
    import keras

    given = [argument for argument in sys.argv[1:] if argument.startswith(f"--{name}_")]
    command = " ".join(["python -m benchmarks.influence_validity --data_dir=DIR", f"--parts={name}", *given])
    found = environment()
    return (
        f"Command: `{command}`, {seconds / 60:.0f} minutes; {found['machine']}; {datetime.date.today().isoformat()}, "
        f"commit {found['commit']}, {found['backend']}, Keras {keras.__version__}."
    )


def _put(path, section):
    """Writes a section into the file, in place of the one of the same heading or in its place among the others."""
    written = path.read_text().removeprefix(TITLE) if path.exists() else ""
    sections = [f"## {text}" for text in written.split("## ")[1:]]
    order = [module.HEADING for module in PARTS.values()]
    kept = [text for text in sections if _heading(text) in order and _heading(text) != _heading(section)]
    sections = sorted([*kept, section], key=lambda text: order.index(_heading(text)))
    text = "\n".join([TITLE, *(text.strip() + "\n" for text in sections)])
    replace(path, lambda partial: partial.write_text(text))


def _heading(section):
    return section.splitlines()[0]


if __name__ == "__main__":
    run(main)
