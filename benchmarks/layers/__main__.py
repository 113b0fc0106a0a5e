"""Times the drop layers side by side with Keras's SpatialDropout2D, and writes the table to results/layers.md.

    python -m benchmarks.layers

There are three measurements of each layer, all given as ratios to SpatialDropout2D: the forward and backward pass of
the layer alone on two inputs; a training step of WRN-20-4 with the layer after every convolution; and the peak memory
of such a step, in a process of its own. The layers take turns, so that whatever else the machine does slows all of them
alike.
"""

import subprocess
import sys

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.layers.compared import RIVAL, layer_makers
from benchmarks.measuring import median_ratios, take_turns
from tfdrop.errors import UserError, unknown
from train.program import run

REPEATS = flags.DEFINE_integer("repeats", 60, "Timed passes of each layer alone.")
STEPS = flags.DEFINE_integer("steps", 15, "Timed training steps with each layer.")
SHAPES = flags.DEFINE_list("shapes", ["128x32x32x64", "128x8x8x256"], "Shapes of the inputs of a layer alone.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images in a training step.")
BLOCKS = flags.DEFINE_integer("blocks", 3, "Blocks in each of the network's three groups.")
WIDENING = flags.DEFINE_integer("widening", 4, "How wide the network is, as a multiple of 16 feature maps.")
LAYER = flags.DEFINE_multi_string("layer", [], f"A layer to compare with {RIVAL}; all of them if none is given.")
OUT = flags.DEFINE_string("out", "results/layers.md", "The file for the table; none if empty.")
MEMORY_OF = flags.DEFINE_string("memory_of", "", "Only print the peak memory, in MiB, of training with this layer.")

WARM_UP = 2


def main():
    shapes = [shape_of(text) for text in SHAPES.value]
    makers = layer_makers()
    for name in [*LAYER.value, *filter(None, [MEMORY_OF.value])]:
        if name not in makers:
            raise unknown("layer", name, list(makers))
    if MEMORY_OF.value:
        print_peak_memory(makers[MEMORY_OF.value])
        return
    chosen = {RIVAL, *LAYER.value} if LAYER.value else set(makers)
    text = report(measure({name: make for name, make in makers.items() if name in chosen}, shapes))
    print(text)
    if OUT.value:
        pages.write(OUT.value, text)


def shape_of(text):
    """Returns `(128, 32, 32, 64)` for `128x32x32x64`."""
    lengths = text.split("x")
    if len(lengths) != 4 or not all(length.isdecimal() and int(length) for length in lengths):
        raise UserError(f"--shapes: expected shapes like 128x32x32x64, not {text!r}")
    return tuple(map(int, lengths))


def network_name():
    return f"WRN-{6 * BLOCKS.value + 2}-{WIDENING.value}"


def step_with(make_layer):
    from benchmarks.layers.training_step import training_step

    return training_step(make_layer, BLOCKS.value, WIDENING.value, BATCH_SIZE.value)


def print_peak_memory(make_layer):
    from benchmarks.layers.training_step import peak_memory_of

    print(peak_memory_of(step_with(make_layer)))


def peak_memory_in_new_process(name):
    """Returns the peak memory in MiB of a few training steps with a layer."""
    sizes = [f"--batch_size={BATCH_SIZE.value}", f"--blocks={BLOCKS.value}", f"--widening={WIDENING.value}"]
    command = [sys.executable, "-m", "benchmarks.layers", f"--memory_of={name}", *sizes]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def measure(makers, shapes):
    """Takes all of the measurements; returns the lines of the table."""
    from benchmarks.layers.layer_pass import layer_pass

    columns, rival = [], []
    for shape in shapes:
        passes = {name: layer_pass(make, shape) for name, make in makers.items()}
        seconds = take_turns(passes, REPEATS.value, WARM_UP)
        columns.append(median_ratios(seconds, RIVAL))
        rival.append(f"{1e3 * np.median(seconds[RIVAL]):.1f} ms")
        print(shape, {name: round(ratio, 2) for name, ratio in columns[-1].items()}, flush=True)
    seconds = take_turns({name: step_with(make) for name, make in makers.items()}, STEPS.value, WARM_UP)
    columns.append(median_ratios(seconds, RIVAL))
    rival.append(f"{np.median(seconds[RIVAL]):.2f} s")
    print("training step", {name: round(ratio, 3) for name, ratio in columns[-1].items()}, flush=True)
    memory = {name: peak_memory_in_new_process(name) for name in makers}
    columns.append({name: peak / memory[RIVAL] for name, peak in memory.items()})
    rival.append(f"{memory[RIVAL]:.0f} MiB")
    header = ["layer", *map(str, shapes), f"{network_name()} step", "peak memory"]
    rows = [[name, *(f"{column[name]:.2f}" for column in columns)] for name in makers]
    return pages.table(header, [*rows, [f"{RIVAL}, measured", *rival]])


def report(table):
    from benchmarks.layers.layer_pass import with_xla

    xla = "with XLA" if with_xla() else "without XLA, but for DropBlock2D's mask"
    explanation = pages.wrapped(
        f"Ratios to {RIVAL}: below 1 is faster, or takes less memory. A shape: forward and backward pass of the layer "
        f"alone on such an input. {network_name()} step: a training step with the layer after every convolution, "
        f"{BATCH_SIZE.value} images. Peak memory: that of a process which takes three such steps. Ratios are medians "
        f"of the ratios within a turn; compiled {xla}. The aims were 1.50 for a layer and 1.10 for a step. By "
        "default FocusedDropout takes part in one batch of ten. DropBlock2D draws a number for every position where a "
        "block may begin; the others draw at most one for every map."
    )
    n = f"{REPEATS.value} turns for a layer alone, {STEPS.value} for a step; memory is measured once"
    origin = pages.origin(pages.command("benchmarks.layers", hidden=["out"]), n)
    return "\n".join([f"# The drop layers compared with Keras's {RIVAL}", "", explanation, "", *table, "", *origin, ""])


if __name__ == "__main__":
    run(main)
