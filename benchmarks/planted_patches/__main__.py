"""Data dropout on patches of which some are bad, beside the oracle, random patches and the training loss.

    python -m benchmarks.planted_patches --data_dir=DIR
    python -m benchmarks.planted_patches --data_dir=DIR --minutes=20   # a slice of it

DIR holds Train400, BSD68 and Set12. In each repetition other patches are bad, one training ranks the patches, and
denoisers that start from another seed are trained without those that each ranking puts first.
"""

import hashlib
import json
import time
from functools import partial
from pathlib import Path

from absl import flags

from benchmarks import pages
from benchmarks.planted_patches.denoisers import SETTINGS, WITH_A_ZERO, psnr_without, rankings
from benchmarks.planted_patches.planted import planted
from benchmarks.planted_patches.report import lines
from benchmarks.wrong_labels.arms import FIRST_TEST_SEED, dropped_samples, kept_rankings, kept_results
from tfdrop.checkpoint import Pace
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from train.program import run

TITLE = "# Bad patches: are they found, and does dropping them help?\n"
HEADING = "## DnCNN at CPU size"

DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of Train400, BSD68 and Set12.", required=True)
PATCHES = flags.DEFINE_integer("patches_per_image", 3, "Training patches from each image.", lower_bound=1)
EPOCHS = flags.DEFINE_integer("epochs", 6, "Epochs of each training.", lower_bound=1)
SHARE = flags.DEFINE_float("share", 0.05, "Share of bad patches.", lower_bound=0.01, upper_bound=0.9)
REPETITIONS = flags.DEFINE_integer("repetitions", 5, "Repetitions.", lower_bound=1)
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the next start goes on.")
BANK = flags.DEFINE_string("bank", "runs/planted_patches", "Folder of what was found.")
OUT = flags.DEFINE_string("out", "results/planted_patches.md", "Markdown file for the page; none if empty.")


def main():
    # Only now: the backend takes seconds to import.
    from tfdrop.tasks.denoising.training import validation_pairs

    start = time.perf_counter()
    settings = DenoiseSettings(
        data_dir=DATA_DIR.value, patches_per_image=PATCHES.value, epochs=EPOCHS.value, **SETTINGS
    )
    data = read_data(settings)
    validation = validation_pairs(settings, data)
    test = validation_pairs(settings, data._replace(validation=data.test))
    pace = Pace(seconds=60, deadline=time.monotonic() + 60 * MINUTES.value)
    key = hashlib.sha256(json.dumps(vars(settings) | {"data_dir": ""}, sort_keys=True).encode()).hexdigest()[:8]
    folder = Path(BANK.value) / f"{data.fingerprint()}_{key}_{SHARE.value:g}"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(REPETITIONS.value):
        patches = planted(data.patches, data.patch_images, SHARE.value, settings.measured_sigma, seed)
        find = partial(rankings, settings, patches, validation, seed)
        ranked = kept_rankings(folder / f"rankings{seed}.npz", find)
        dropped = dropped_samples(ranked, patches.bad, patches.bad.sum(), seed, WITH_A_ZERO)

        def tested(indices, patches=patches, seed=seed):
            return psnr_without(settings, patches, indices, test, FIRST_TEST_SEED + seed)

        found.append((patches, ranked, dropped, kept_results(dropped, tested, folder / f"psnr{seed}.json", pace)))
    about = (
        f"{len(data.patches.pixels)} patches of {settings.patch_size}x{settings.patch_size} from Train400, "
        f"{SHARE.value:.0%} of them bad, a third of each kind; DnCNN of {settings.depth} layers with "
        f"{settings.filters} maps, sigma {settings.measured_sigma:g}, {settings.epochs} epochs of Adam, batches of "
        f"{settings.batch_size}. Validation on BSD68, test on Set12, neither with anything bad; one training ranks the "
        "patches, and denoisers from another seed are tested. Replay: automatic horizon, half the summed squared error."
    )
    text = [HEADING, "", about, "", *lines(found), ""]
    command = pages.command("benchmarks.planted_patches", {"data_dir": "DIR"}, ["out", "bank"])
    text += pages.origin(command, f"{len(found)} repetitions", time.perf_counter() - start)
    pages.publish(text, OUT.value, TITLE, [HEADING])


if __name__ == "__main__":
    run(main)
