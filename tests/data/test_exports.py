"""What the data packages export: every name resolves, and using them loads no deep-learning backend."""

import importlib
import pathlib
import subprocess
import sys

import pytest

PACKAGES = ["tfdrop.data", "tfdrop.data.images", "tfdrop.data.preprocessing", "tfdrop.data.sets", "tfdrop.training"]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_exported_name_is_there(name):
    package = importlib.import_module(name)
    assert package.__all__
    for exported in package.__all__:
        assert getattr(package, exported) is not None
    assert len(package.__doc__.splitlines()) > 1


def test_a_function_named_like_its_file_is_exported_even_once_the_file_was_imported():
    importlib.import_module("tfdrop.data.images.photographs")
    assert callable(importlib.import_module("tfdrop.data").photographs)


def test_reading_dividing_and_preprocessing_data_needs_no_backend(tmp_path):
    script = """
import sys
from tfdrop import data
split = data.split_for_validation(data.load_image_set("digits"))
data.fit_channels(split.train[0])(split.test[0])
data.save_image_set(sys.argv[1] + "/digits.npz", data.load_image_set("digits"))
data.load_image_set("digits", sys.argv[1])
patches = data.draw_patches(data.photographs(["camera"]), 8, 3)
data.noisy_patches(patches.pixels, 25)
assert not {"keras", "tensorflow", "jax"} & set(sys.modules)
"""
    root = pathlib.Path(importlib.import_module("tfdrop").__file__).parents[1]
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=root)
