"""Two-round DnCNN denoising: train, drop the unfavorable patches, train again, report PSNR.

python -m train.denoise
python -m train.denoise --recipe=dncnn_s25 --data_dir=DIR --workdir=runs/dncnn_s25
python -m train.denoise --evaluate_only --weights=model.h5 --test_dir=DIR/Set12
python -m train.denoise --weights=model.h5 --depth=17 --filters=64 --train_dir=MINE
"""

import contextlib
import hashlib
import time
from pathlib import Path

from absl import flags

from tfdrop.errors import UserError, blaming
from tfdrop.models.dncnn_weights import Topology, saved_topology
from tfdrop.tasks import former_names
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.report import denoising_report
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.determinism import make_deterministic
from tfdrop.tasks.devices import agreed, run_folder, start_devices
from tfdrop.tasks.shown_result import is_finished, show_result
from tfdrop.tasks.workdir import Workdir
from train.flags import PATIENCE, define_flags, is_given, seeds_of_slice, settings_from_flags
from train.help import help_text
from train.interruption import interruptible
from train.program import run
from train.recipes import denoising as recipes


def main():
    settings = settings_from_flags(DenoiseSettings, recipes.DENOISING, former_names.DENOISING)
    _check(settings)
    seeds = seeds_of_slice(settings)
    start_devices(settings)
    data = read_data(settings)
    inputs = {"images": data.fingerprint()}
    if settings.weights:
        inputs["weights"] = hashlib.sha256(Path(settings.weights).expanduser().read_bytes()).hexdigest()[:16]
    path = settings.workdir or time.strftime("runs/denoise-%Y%m%d-%H%M%S")
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(run_folder(settings, path, patience=0.0 if seeds is None else PATIENCE))
        workdir = Workdir(here, settings, inputs, former_names.DENOISING)
        if seeds is not None:
            stack.close()  # each seed's folder has a lock of its own
        with interruptible(path, flags.FLAGS.save_every, lambda stop: agreed(settings, stop) > 0) as pace:
            if not is_finished(path):
                _run(settings, data, workdir, pace, seeds)
            elif seeds is None:
                show_result(workdir, denoising_report, data)


def _run(settings, data, workdir, pace, seeds):
    if settings.deterministic:
        make_deterministic()
    # Only now: TensorFlow takes seconds to import and writes to stderr, and bad input should do neither, nor a report.
    from tfdrop.tasks.denoising import run as denoising_run

    denoising_run.run(settings, data, workdir, pace, seeds)


def _check(settings):
    """Raises a `UserError` for saved weights that are not those of such a network."""
    if settings.weights:
        with blaming("weights", settings.weights):
            saved = saved_topology(Path(settings.weights).expanduser())
        if saved.channels != settings.channels:
            here = f"but --channels={settings.channels}"
            raise UserError(f"--weights={settings.weights}: for images of {saved.channels} channels, {here}")
        if not settings.evaluate_only:
            asked = Topology(settings.depth, settings.filters, settings.channels, saved.batch_norm, settings.noise_map)
            if saved != asked:
                raise UserError(f"--weights={settings.weights}: {saved}, but the settings are of {asked}")
        elif is_given("depth", recipes.DENOISING) and saved.depth != settings.depth:
            raise UserError(f"--weights={settings.weights}: depth {saved.depth}, but --depth={settings.depth}")


def console():
    """Runs the program with the command line's flags."""
    define_flags(DenoiseSettings, former_names.DENOISING)
    run(main, lambda: help_text(__doc__, ["recipe", "slice"], DenoiseSettings))


if __name__ == "__main__":
    console()
