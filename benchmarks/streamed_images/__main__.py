"""What reading images as they are needed costs, and what memory it takes, against their number.

    python -m benchmarks.streamed_images --folder=DIR

Writes encoded photographs to the folder, where they stay for the next time: 12,500, 50,000 and 200,000 of them, 6 KB
each. Every number is measured in a process of its own.
"""

import sys
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.one_core import run_module
from benchmarks.streamed_images.folders import write_folders
from train.program import run

BATCH = 64  # `one_size.BATCH`, whose import takes seconds
TITLE = "# Images that are read as they are needed"
FOLDER = flags.DEFINE_string("folder", None, "Where the photographs are written to.", required=True)
COUNTS = flags.DEFINE_list("counts", ["12500", "50000", "200000"], "Numbers of training images.")
SIZE = flags.DEFINE_integer("size", 32, "What they are resized to.")
OUT = flags.DEFINE_string("out", "results/streamed_images.md", "Markdown file to write; none if empty.")


def main():
    from benchmarks.streamed_images.readers import compared

    start = time.perf_counter()
    counts = [int(count) for count in COUNTS.value]
    folders = {count: write_folders(Path(FOLDER.value).expanduser(), count) for count in counts}
    rows = [_row(folders[counts[0]], "in memory")] + [_row(folders[count], "streamed") for count in counts]
    turns = compared(folders[counts[0]], SIZE.value)
    ratios = np.divide(turns["tf.data"], turns["ours"])
    text = (
        f"A network of two convolutions on images resized to {SIZE.value}x{SIZE.value}, of JPEG files of about "
        "128x128, on one core. Images a second: read once to see that they can be (opening), read, trained on (batches "
        f"of {BATCH}), scored by influence (LiSSA of few steps, so that it is the passes over all samples: a check and "
        "the derivatives). Memory is the process's peak beyond what it had after importing, building and compiling."
    )
    header = ["images", "", "opening", "reading", "training", "influence", "peak memory, MiB"]
    lines = [TITLE, "", pages.wrapped(text), "", *pages.table(header, rows), ""]
    said = (
        f"Beside `tf.data` (its own JPEG decoder and resizing, all threads) on the same {len(turns['ours'])} x 2,000 "
        f"files in turns, on all cores, ours reads {np.median(ratios):.2f} times as many images a second "
        f"({ratios.min():.2f} to {ratios.max():.2f})."
    )
    command = pages.command("benchmarks.streamed_images", {"folder": "DIR"}, hidden=["out", "core"])
    n = f"1 run of each; {len(ratios)} turns beside tf.data"
    lines += [pages.wrapped(said), "", *pages.origin(command, n, time.perf_counter() - start)]
    print("\n".join(lines))
    if OUT.value:
        pages.write(OUT.value, "\n".join(lines) + "\n")


def _row(folder, kind):
    found = run_module(sys.executable, "benchmarks.streamed_images.one_size", folder, SIZE.value, kind.split()[0])
    print(f"{folder.name}, {kind}: {found}", flush=True)
    seconds = {phase: found[phase] / found["images"] for phase in ("opening", "reading", "influence")}
    seconds["training"] = found["training"] / found["steps"] / BATCH
    rates = {phase: f"{1 / each:,.0f}" for phase, each in seconds.items()}
    if kind != "streamed":
        rates["reading"] = ""  # there is nothing to read any more
    shown = [rates[phase] for phase in ("opening", "reading", "training", "influence")]
    return [f"{found['images']:,}", kind, *shown, f"{found['memory']:,.0f}"]


if __name__ == "__main__":
    run(main)
