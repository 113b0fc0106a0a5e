"""A recipe of ImageNet on a small set of its form, whose images are read as they are needed."""

import json

import numpy as np
from class_folders import write_picture, write_prepared
from programs import run_program

RECIPE = "data_dropout/table3/resnet18_imagenet"
CLASSES, EACH, TESTED = ("ant", "bee", "cow", "dog", "elk", "fox"), 6, 12
SMALL = ("--image_size=40", "--crop_size=32", "--epochs=2", "--batch_size=6", "--validation_samples=6")


def test_trains_and_is_tested_on_ten_crops(tmp_path):
    rng = np.random.default_rng(0)
    sizes = rng.integers(40, 70, (EACH * len(CLASSES), 2))
    pictures = [write_picture(tmp_path / f"{n}.png", n, *map(int, size)) for n, size in enumerate(sizes)]
    labels = [number % len(CLASSES) for number in range(len(pictures))]
    write_prepared(tmp_path, pictures, labels, CLASSES, TESTED)
    arguments = (f"--recipe={RECIPE}", f"--data_dir={tmp_path}", *SMALL, f"--workdir={tmp_path / 'run'}")

    refused = run_program("train.classify", *arguments, "--in_memory=sometimes")
    assert refused.returncode == 2
    finished = run_program("train.classify", *arguments, "--in_memory=never")
    assert finished.returncode == 0, finished.stderr
    assert f"Checking images: {len(labels) + TESTED}/{len(labels) + TESTED}" in finished.stdout
    assert "27.88" in finished.stdout  # the paper's
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    [training] = result["runs"][0]["trainings"]
    assert training["images"] == len(labels) - 6
    # Of so many images, in percent: of one that tests all of them once.
    for name in ("test_error", "test_top5_error"):
        assert round(training["last"][name] * TESTED / 100, 6).is_integer()
    assert training["last"]["test_top5_error"] <= training["last"]["test_error"]
