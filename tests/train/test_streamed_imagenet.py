"""The recipes of ImageNet on a small set of its form, whose images are read as they are needed."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
from class_folders import write_picture, write_prepared
from programs import run_program

from tfdrop.models import networks, resnet
from tfdrop.models.resnet import ImageNetResNet
from tfdrop.tasks.classification import run as classification_run
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.workdir import Workdir
from train.recipes import RECIPES

RECIPE = "data_dropout/table3/resnet18_imagenet"
CLASSES, EACH, TESTED = ("ant", "bee", "cow", "dog", "elk", "fox"), 6, 12
SMALL = ("--image_size=40", "--crop_size=32", "--epochs=2", "--batch_size=6", "--validation_samples=6")

OF_IMAGENET = {
    name: recipe.settings for name, recipe in RECIPES.items() if recipe.settings["dataset"] == "imagenet2012"
}
SMALLER = {"image_size": 40, "crop_size": 32, "epochs": 1, "batch_size": 6, "in_memory": "never"}
# A network's family at its smallest: one block a group.
SMALL_NETWORKS = {"resnet18_imagenet": "basic", "resnet34_imagenet": "basic", "resnet50_imagenet": "bottleneck"}
# Those that are not the same at that size, but for the one that the program runs below.
DISTINCT = {json.dumps({**settings, "model": SMALL_NETWORKS[settings["model"]]}): name
            for name, settings in OF_IMAGENET.items()}  # fmt: skip
TRIED = sorted(name for name in DISTINCT.values() if "two_rounds" in name or "data_dropout" not in name)


def test_all_recipes_of_imagenet_are_tried():
    assert len(OF_IMAGENET) == 10
    assert len(TRIED) == len(DISTINCT) - 1 == 7
    assert json.dumps({**OF_IMAGENET[RECIPE], "model": "basic"}) in DISTINCT


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder of a set in the form of ImageNet, and how many images to train on it has."""
    folder = tmp_path_factory.mktemp("imagenet")
    rng = np.random.default_rng(0)
    sizes = rng.integers(40, 70, (EACH * len(CLASSES), 2))
    pictures = [write_picture(folder / f"{n}.png", n, *map(int, size)) for n, size in enumerate(sizes)]
    labels = [number % len(CLASSES) for number in range(len(pictures))]
    write_prepared(folder, pictures, labels, CLASSES, TESTED)
    return folder, len(labels)


@pytest.mark.parametrize("name", TRIED)
def test_every_recipe_trains_and_is_tested(name, prepared, tmp_path, monkeypatch, capsys):
    """With all that it says but for sizes, and the network's depth."""
    folder, there = prepared
    for network, kind in SMALL_NETWORKS.items():
        monkeypatch.setitem(networks.NETWORKS, network, partial(ImageNetResNet, kind))
        monkeypatch.setitem(resnet.IMAGENET_GROUPS, kind, ((1, 1, 1, 1), kind))
    settings = with_usual_values(ClassifySettings(**RECIPES[name].settings))
    held_out = [6] if settings.validation_samples != [0] else [0]
    more = {"validation_samples": held_out, "learning_rate_drops": [], "influence_depth": 5, "influence_batch_size": 6}
    settings = dataclasses.replace(settings, **SMALLER, **more, data_dir=str(folder), workdir=str(tmp_path / "run"))
    data = read_data(settings)
    workdir = Workdir(settings.workdir, settings, {"images": data.fingerprint()})
    classification_run.run(settings, data, workdir, {})
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    trainings = result["runs"][0]["trainings"]
    assert trainings[0]["images"] == there - held_out[0]
    for training in trainings:
        for measure in ("test_error", "test_top5_error"):
            assert round(training["last"][measure] * TESTED / 100, 6).is_integer()
    assert [scored["images"] for scored in result["runs"][0]["influence"]] == [there - 6] * (settings.rounds - 1)
    assert "test error (%)" in capsys.readouterr().out


def test_the_program_tests_ten_crops(prepared, tmp_path):
    folder, there = prepared
    arguments = (f"--recipe={RECIPE}", f"--data_dir={folder}", *SMALL, f"--workdir={tmp_path / 'run'}")

    refused = run_program("train.classify", *arguments, "--in_memory=sometimes")
    assert refused.returncode == 2
    finished = run_program("train.classify", *arguments, "--in_memory=never")
    assert finished.returncode == 0, finished.stderr
    assert f"Checking images: {there + TESTED}/{there + TESTED}" in finished.stdout
    assert "27.88" in finished.stdout  # the paper's
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    [training] = result["runs"][0]["trainings"]
    assert training["images"] == there - 6
    # Of so many images, in percent: of one that tests all of them once.
    for name in ("test_error", "test_top5_error"):
        assert round(training["last"][name] * TESTED / 100, 6).is_integer()
    assert training["last"]["test_top5_error"] <= training["last"]["test_error"]
