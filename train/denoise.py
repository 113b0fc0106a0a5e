"""Two-round DnCNN denoising: train, drop the unfavorable patches, train again, report PSNR.

python -m train.denoise
python -m train.denoise --recipe=dncnn_s25 --data_dir=DIR --workdir=runs/dncnn_s25
python -m train.denoise --evaluate_only --weights=model.h5 --test_dir=DIR/Set12
"""

import time

from absl import flags

from tfdrop.models.dncnn_weights import saved_depth
from train import recipes
from train import settings as settings_module
from train.denoising_settings import DenoiseSettings, read_data
from train.program import UserError, blaming, run
from train.settings import define_flags, is_given, settings_from_flags
from train.workdir import Workdir


def main():
    settings = settings_from_flags(DenoiseSettings, recipes.DENOISING)
    _check(settings)
    data = read_data(settings)
    workdir = Workdir(settings.workdir or time.strftime("runs/denoise-%Y%m%d-%H%M%S"), settings)
    # Only now: TensorFlow takes seconds to import and writes to stderr, and bad input should do neither.
    from train import denoising_run

    denoising_run.run(settings, data, workdir)


def _check(settings):
    """Raises a `UserError` for settings that are wrong together or that only their reader can judge."""
    if settings.influence_damping != "auto":
        with blaming("influence_damping", settings.influence_damping):
            if not float(settings.influence_damping) >= 0:
                raise ValueError("expected at least 0, or auto")
    if settings.max_drop_share > 1:
        raise UserError(f"--max_drop_share={settings.max_drop_share}: expected at most 1")
    if settings.evaluate_only != bool(settings.weights):
        raise UserError(f"--weights={settings.weights}: goes with --evaluate_only, and that needs it")
    if settings.evaluate_only:
        with blaming("weights", settings.weights):
            depth = saved_depth(settings.weights)
        if is_given("depth", recipes.DENOISING) and depth != settings.depth:
            raise UserError(f"--weights={settings.weights}: depth {depth}, but --depth={settings.depth}")


define_flags(DenoiseSettings)
flags.adopt_module_key_flags(settings_module)  # so that --helpshort lists them

if __name__ == "__main__":
    run(main)
