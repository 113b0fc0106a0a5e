"""What a replay costs in time and memory, by the length of the training and by what its record may take.

    python -m benchmarks.replay_cost

Each training is a process of its own, `benchmarks.replay_cost.one_training`, on one core: so its peak memory is its
own, and its times, of the processor, are compared within one process.
"""

import itertools
import sys
import time

from absl import flags

from benchmarks import pages
from benchmarks.one_core import run_module
from benchmarks.replay_cost.one_training import NETWORKS
from train.program import run

TITLE = "# What a replay costs"
CHOSEN = flags.DEFINE_multi_enum("network", list(NETWORKS), list(NETWORKS), "Networks to train.")
EPOCHS = flags.DEFINE_list("epochs", ["2", "8", "32"], "Lengths of the trainings.")
MEMORIES = flags.DEFINE_list(
    "memories", ["1024", "128", "folder"], "MiB that a record may take in memory; or a folder."
)
OUT = flags.DEFINE_string("out", "results/replay_cost.md", "Markdown file to write; none if empty.")


def main():
    start = time.perf_counter()
    rows = [_row(*choice) for choice in itertools.product(CHOSEN.value, EPOCHS.value, MEMORIES.value)]
    header = ["network", "weights", "steps", "record", "states kept", "computed again", "MiB kept", "peak, MiB"]
    text = (
        "Trainings on random images, batches of 20, SGD with momentum, each recorded and then walked back to its "
        "start. A record in memory may take so many MiB, one in a folder ten times its default of 1024; where not "
        "every state fits, some are computed again while walking back. Times are of the processor, in seconds, those "
        "of replays with what is compiled. Peak memory is above that before the training."
    )
    lines = [TITLE, "", pages.wrapped(text), ""]
    lines += pages.table([*header, "training, s", "replay, s", "replay / training"], rows)
    command = pages.command("benchmarks.replay_cost", hidden=["out"])
    lines += ["", *pages.origin(command, "1 of each", time.perf_counter() - start)]
    print("\n".join(lines))
    if OUT.value:
        pages.write(OUT.value, "\n".join(lines) + "\n")


def _row(network, epochs, memory):
    found = run_module(sys.executable, "benchmarks.replay_cost.one_training", network, epochs, memory)
    print(f"{network}, {epochs} epochs, {memory}: {found}", flush=True)
    record = "folder" if memory == "folder" else f"{memory} MiB"
    if "refused" in found:
        return [NETWORKS[network], "", found["steps"], record, "too many for it", *[""] * 6]
    whole = [f"{found[name]:.0f}" for name in ("weights", "steps", "kept", "recomputed", "kept_mib", "peak_mib")]
    times = [found["training"], found["replay"], found["replay"] / found["training"]]
    return [NETWORKS[network], *whole[:2], record, *whole[2:], *(f"{value:.3g}" for value in times)]


if __name__ == "__main__":
    run(main)
