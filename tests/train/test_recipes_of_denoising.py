import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT

from tfdrop.data.images.grey import read_folder
from tfdrop.tasks.denoising.set12 import SET12, fingerprint
from tfdrop.tasks.denoising.settings import DenoiseSettings
from train.recipes.denoising import DENOISING

# Table V of the data dropout paper, typed from the paper.
TABLE_V = """
C.man    30.18 30.23
House    33.06 33.05
Peppers  30.87 30.91
Starfish 29.41 29.49
Monar    30.28 30.33
Plane    29.13 29.17
Parrot   29.43 29.48
Lena     32.44 32.47
Barbara  30.00 30.05
Boat     30.21 30.25
Man      30.10 30.16
Couple   30.12 30.11
"""


@pytest.mark.parametrize("recipe", DENOISING)
def test_recipes_set_only_settings_of_their_types(recipe):
    types = {field.name: field.type for field in dataclasses.fields(DenoiseSettings)}
    types["max_drop"] = float  # "auto" is for users, not for recipes
    types["sigma"] = list if recipe in ("dncnn_b", "cdncnn_b") else float
    for name, value in DENOISING[recipe].items():
        assert type(value) is types[name], name


def test_dncnn_s25_is_section_iv_c():
    settings = DenoiseSettings(**DENOISING["dncnn_s25"])
    assert (settings.depth, settings.filters, settings.sigma) == (17, 64, 25)
    assert 400 * settings.patches_per_image == 128 * 1600
    assert (settings.crop_size, settings.patch_size) == (180, 40)
    assert (settings.epochs, settings.learning_rate, settings.learning_rate_drops) == (50, 1e-3, [30])
    assert (settings.batch_size, settings.rounds, settings.augment_from_round) == (128, 2, 2)
    assert settings.max_drop == 1
    assert settings.influence_curvature == "hessian"


@pytest.mark.parametrize(
    ("recipe", "levels", "channels", "depth", "patch", "patches"),
    [
        ("dncnn_s15", (15, 15), 1, 17, 40, 128 * 1600),
        ("dncnn_s50", (50, 50), 1, 17, 40, 128 * 1600),
        ("dncnn_b", (0, 55), 1, 20, 50, 128 * 3000),
        ("cdncnn_b", (0, 55), 3, 20, 50, 128 * 3000),
    ],
)
def test_recipes_of_the_dncnn_paper(recipe, levels, channels, depth, patch, patches):
    settings = DenoiseSettings(**DENOISING[recipe])
    images = 432 if channels == 3 else 400
    assert (settings.levels, settings.channels) == (levels, channels)
    assert (settings.depth, settings.filters, settings.patch_size) == (depth, 64, patch)
    assert patches <= images * settings.patches_per_image < patches + images
    assert (settings.epochs, settings.batch_size, settings.rounds) == (50, 128, 1)
    assert settings.measured_sigma == (25 if levels == (0, 55) else levels[0])
    assert settings.redraw_noise
    assert settings.augment_from_round == 1


def test_paper_figures_are_table_v():
    typed = [line.split() for line in TABLE_V.split("\n") if line]
    assert [(image.name, image.round_1, image.round_2) for image in SET12.values()] == [
        (name, float(first), float(second)) for name, first, second in typed
    ]
    assert np.mean([image.round_1 for image in SET12.values()]) == pytest.approx(30.436, abs=5e-4)
    assert np.mean([image.round_2 for image in SET12.values()]) == pytest.approx(30.475, abs=5e-4)


@pytest.mark.skipif("TFDROP_DATA" not in os.environ, reason="TFDROP_DATA does not name the folder with Set12")
def test_set12_is_recognized_in_order():
    images = read_folder(Path(os.environ["TFDROP_DATA"]) / "denoising" / "Set12")
    assert [fingerprint(image.pixels) for image in images] == list(SET12)


def test_programs_check_their_flags_before_they_wait_for_a_backend():
    """Bad input is one line; what TensorFlow writes when it is imported would come before it."""
    programs = "train.classify, train.denoise, train.denoise_images"
    script = f"import sys, {programs}; print(*{{'keras', 'tensorflow', 'jax'}} & set(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (finished.returncode, finished.stdout.strip()) == (0, ""), finished.stderr
