"""The images that a denoising run reads, and the patches cut from them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from tfdrop.data.images.grey import read_folder
from tfdrop.data.images.patches import Patches, draw_patches
from tfdrop.data.images.photographs import TEST, TRAINING, VALIDATION, photographs
from tfdrop.errors import UserError, blaming

EMBEDDED = {"train_dir": TRAINING, "validation_dir": VALIDATION, "test_dir": TEST}
FEWEST_HELD_OUT = 2
SMALLEST_TEST_IMAGE = 7  # the window of SSIM


class DenoiseData(NamedTuple):
    """What a run reads: patches for training (None when only evaluating), images for the rest.

    The images `held_out` of those for validation measure how many patches to drop, where that is not set. `notes` are
    sentences about how the images were read that a user should see.
    """

    patches: Patches | None
    patch_images: list
    validation: list
    test: list
    held_out: list = []  # noqa: RUF012
    notes: tuple = ()

    def fingerprint(self):
        """Returns a text that other pixels would change."""
        digest = hashlib.sha256()
        for image in [*self.patch_images, *self.validation, *self.test, *self.held_out]:
            digest.update(repr((image.name, image.pixels.shape)).encode())
            digest.update(image.pixels.tobytes())
        return digest.hexdigest()[:16]


def check_folders(settings):
    """Raises a `UserError` if a folder of images is missing, without reading any."""
    for flag in EMBEDDED:
        if getattr(settings, flag) and not _folder(settings, flag).is_dir():
            raise UserError(f"--{flag}={_folder(settings, flag)}: no such folder")


def read_data(settings):
    """Reads the images and cuts the patches; a `UserError` names the flag of what is wrong."""
    if settings.evaluate_only:
        test = _test_images(settings)
        return DenoiseData(None, [], [], test, notes=_notes(test_dir=test))
    training, validation = _images(settings, "train_dir"), _images(settings, "validation_dir")
    test, held_out = _test_images(settings), []
    notes = _notes(train_dir=training, validation_dir=validation, test_dir=test)
    if settings.chooses_cap:
        settings.check_held_out(len(validation), FEWEST_HELD_OUT)
        validation, held_out = validation[::2], validation[1::2]
    if 0 < settings.crop_size < settings.patch_size:
        raise UserError(f"--crop_size={settings.crop_size}: smaller than --patch_size={settings.patch_size}")
    with blaming("patch_size", settings.patch_size):
        patches = draw_patches(
            training, settings.patch_size, settings.patches_per_image, settings.crop_size, settings.seed
        )
    return DenoiseData(patches, training, validation, test, held_out, notes)


def _notes(**images):
    """Returns a sentence for each file that was skipped; photographs of scikit-image have none."""
    skipped = {flag: getattr(found, "unreadable", ()) for flag, found in images.items()}
    return tuple(f"--{flag}: not read: {file}" for flag, files in skipped.items() for file in files)


def _test_images(settings):
    images = _images(settings, "test_dir")
    for image in images:
        height, width = image.pixels.shape[:2]
        if min(height, width) < SMALLEST_TEST_IMAGE:
            raise UserError(
                f"--test_dir={settings.test_dir}: image {image.name} is {height}x{width}, too small for SSIM"
            )
    return images


def _images(settings, flag):
    if not getattr(settings, flag):
        return photographs(EMBEDDED[flag], settings.channels)
    folder = _folder(settings, flag)
    with blaming(flag, folder):
        return read_folder(folder, settings.skip_unreadable, settings.channels)


def _folder(settings, flag):
    return Path(settings.data_dir).expanduser() / Path(getattr(settings, flag)).expanduser()
