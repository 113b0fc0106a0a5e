"""Denoises pictures that are really noisy: a denoised one of the same name, size, mode and bit depth for each.

python -m train.denoise_images --images=FOLDER --weights=model.keras --out=FOLDER2
python -m train.denoise_images --images=a.jpeg --weights=model.h5 --out=FOLDER2 --sigma=20 --each_channel
"""

import dataclasses
import signal
import sys
from typing import Any

from absl import flags

from tfdrop.tasks.denoising import pictures
from train.interruption import STATUS
from train.program import run


def main():
    fields = dataclasses.fields(pictures.PictureSettings)
    settings = pictures.PictureSettings(**{field.name: getattr(flags.FLAGS, field.name) for field in fields})
    planned = pictures.plan(settings)
    print("\n".join(pictures.about(settings, planned)))
    for job in planned.jobs:
        if job.note:
            _warn(f"{job.name}: {job.note}")
    for message in pictures.level_warnings(settings, planned.trained, planned.jobs):
        _warn(message)
    # Only now: TensorFlow takes seconds to import and writes to stderr, and bad input should do neither.
    from tfdrop.tasks.denoising.denoised_pictures import denoise_pictures

    try:
        denoise_pictures(settings, planned)
    except KeyboardInterrupt:
        print("interrupted; the pictures that are there are whole", file=sys.stderr)
        sys.exit(STATUS[signal.SIGINT])
    print(f"Everything is in {settings.out}")


def _warn(message):
    print(f"warning: {message}", file=sys.stderr)


def console():
    """Runs the program with the command line's flags."""
    define: dict[type, Any] = {bool: flags.DEFINE_bool, str: flags.DEFINE_string}
    for field in dataclasses.fields(pictures.PictureSettings):
        define[field.metadata["kind"]](field.name, field.default, field.metadata["help"])
    run(main)


if __name__ == "__main__":
    console()
