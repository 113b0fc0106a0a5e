"""The detection program: from a trained classifier to mAP on planted shapes, and what it refuses."""

import csv
import json
import subprocess
import sys

import keras
import numpy as np
import PIL.Image
import pytest
from programs import ROOT, run_commands, run_program
from voc_folders import SHAPES, write_annotation, write_list, write_shape_classes, write_shapes

from tfdrop.classifier import make_classifier, save_classifier
from tfdrop.data.preprocessing import fit_channels
from tfdrop.data.sets.class_folders import read_class_folders
from tfdrop.layers import FocusedDropout, Participation
from tfdrop.models import build, placement
from tfdrop.tasks.classification.networks import copy_weights
from tfdrop.tasks.detection.report import detection_report
from tfdrop.tasks.detection.settings import DetectSettings
from train.recipes import RECIPES
from train.recipes.detection import DETECTION

SIDE = 24
CLASSES = f"--classes={','.join(SHAPES)}"
PARTS = ("--train=2007/trainval", "--test=2007/test", CLASSES)
SMALL = ("--head_convolutions=1", "--anchor_size=3", "--optimizer=adam", "--learning_rate=1e-3", "--warmup_steps=10")
READERS = ("tfdrop.tasks.detection.data", "tfdrop.environment", "train.program", "train.interruption", "skimage.io")


def write_one(folder, boxes=((3, 3, 20, 20),), name="disc", broken=False):
    """Writes a set of one training image and one test image, the first with such boxes of that name."""
    for part, number in (("trainval", 1), ("test", 2)):
        write_list(folder, part, [number])
        objects = [(name if number == 1 else "disc", box, False) for box in boxes]
        write_annotation(folder / "VOC2007" / "Annotations" / f"{number}.xml", objects)
        path = folder / "VOC2007" / "JPEGImages" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.effect_noise((32, 32), 50).save(path)
        if broken and number == 1:
            path.write_bytes(path.read_bytes()[:400])


# A module that is None in sys.modules is as good as not installed.
WITHOUT = """
import runpy, sys
sys.modules[sys.argv[1]] = None
sys.argv = ["train.detect", *sys.argv[2:]]
runpy.run_module("train.detect", run_name="__main__", alter_sys=True)
"""

REFUSED = {
    "": "--classifier: expected a finished run of tfdrop-classify",
    "--classifier=none --dataset=good": "--classifier=none: no such file or folder; it is what tfdrop-classify leaves",
    "--recipe=focused_dropout/table5/retinanet": "--classifier=runs/focused_dropout/imagenet/baseline: no such file",
    "--classifier=good --dataset=none": "--dataset=none: expected voc, or a folder that holds VOC2007",
    "--classifier=good --dataset=good --train=2008/trainval": "--dataset=good: no such file: good/VOC2008",
    "--classifier=good --dataset=good --train=2007": "--train=2007: expected year/list, as 2007/trainval",
    "--classifier=good --dataset=broken": "--dataset=broken: cannot read 1 of 2 images: VOC2007/1.jpg (",
    "--classifier=good --dataset=broken --skip_unreadable": "--train=2007/trainval: none of the images can be read",
    "--classifier=good --dataset=outside": "Annotations/1.xml: box 2,2,40,20 lies outside the image of 32x32 pixels",
    "--classifier=good --dataset=flat": "--dataset=flat: Annotations/1.xml: box 2,2,2,20 has no area",
    "--classifier=good --dataset=unknown": "--dataset=unknown: Annotations/1.xml: unknown class 'disk'; did you mean",
    "--classifier=good --dataset=nothing": "--train=2007/trainval: the images have no objects",
    "--classifier=good --dataset=good --image_size=4": "--image_size=4: expected at least 8",
    "--classifier=good --dataset=good --classes=a,a": "--classes=a,a: expected different names",
    "--recipe=focused_dropout/table4/retinanet": "--recipe=focused_dropout/table4/retinanet: unknown; did you mean",
    "--epochs=0": "--epochs=0: expected at least 1",
    "--no_such_flag=1": "no_such_flag",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    write_one(folder / "good")
    write_one(folder / "broken", broken=True)
    write_one(folder / "outside", boxes=[(3, 3, 40, 20)])
    write_one(folder / "flat", boxes=[(3, 3, 2, 20)])
    write_one(folder / "unknown", name="disk")
    write_one(folder / "nothing", boxes=[])
    before = sorted(folder.rglob("*"))
    commands = [["train.detect", *PARTS, *case.split()] for case in REFUSED]
    found = dict(zip(REFUSED, run_commands(commands, folder, READERS), strict=True))
    assert sorted(folder.rglob("*")) == before
    return found


@pytest.mark.parametrize(("case", "said"), REFUSED.items())
def test_refused_in_one_line_before_any_backend_is_imported(refused, case, said):
    status, out, err = refused[case]
    assert status == 2, err
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("keras_hub", 'keras-hub, which has RetinaNet, is not installed; this does it: pip install ".[detect]"'),
        ("tensorflow", "RetinaNet's boxes need TensorFlow, on any backend of Keras, and it is not installed"),
    ],
)
def test_without_what_it_needs_it_says_so(tmp_path, package, said):
    if package == "tensorflow":
        pytest.importorskip("keras_hub")
    write_one(tmp_path / "good")
    words = [sys.executable, "-c", WITHOUT, package, *PARTS, f"--classifier={tmp_path}"]
    finished = subprocess.run([*words, f"--dataset={tmp_path / 'good'}"], capture_output=True, text=True, cwd=ROOT)
    assert (finished.returncode, finished.stdout, finished.stderr) == (2, "", f"error: {said}\n")


# Table 5 of the paper, and the recipes of the classifiers, typed from the paper.
TABLE_5 = {
    "focused_dropout/table5/retinanet": (70.14, 0.17, "none"),
    "focused_dropout/table5/focused_dropout": (71.05, 0.13, "focused_dropout"),
}


def test_recipes_are_table_5():
    assert DETECTION.keys() == TABLE_5.keys()
    for name, (value, spread, drop) in TABLE_5.items():
        recipe = DETECTION[name]
        settings = DetectSettings(**recipe.settings)
        assert (recipe.paper.mean_average_precision, recipe.paper.spread) == (value, spread)
        assert str(recipe.paper) == f"mAP {value} ± {spread} %"
        assert (settings.train, settings.test, settings.dataset) == ("2007/trainval,2012/trainval", "2007/test", "voc")
        classifier = RECIPES[settings.classifier.removeprefix("runs/")].settings
        assert (classifier["model"], classifier["dataset"], classifier["drop"]) == (
            "resnet50_imagenet",
            "imagenet2012",
            drop,
        )


def test_the_report_has_the_papers_number_beside_ours():
    name = "focused_dropout/table5/retinanet"
    recipe = {"source": DETECTION[name].source, "text": str(DETECTION[name].paper), "overridden": ["--epochs=1"]}
    result = {"train_images": 5, "test_images": 4, "unreadable": ["a.jpg (broken)"], "recipe": recipe}
    result |= {
        "map": {"eleven_points": 0.5, "area": 0.25},
        "average_precision": {"cat": [0.5, 0.25], "cow": [None] * 2},
    }
    lines = detection_report(result).splitlines()
    assert lines[1] == "1 that cannot be read left out: a.jpg (broken)"
    assert [line.split() for line in lines if line.startswith(("cat", "cow"))] == [
        ["cat", "50.00", "25.00"],
        ["cow", "-", "-"],
    ]
    assert "mean (mAP)      50.00   25.00" in lines
    assert "RetinaNet): mAP 70.14 ± 0.17 %" in lines[-1]
    assert lines[-1].endswith("here with --epochs=1")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A folder with planted shapes, and a classifier of such shapes."""
    pytest.importorskip("keras_hub")
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder / "devkit", {"trainval": 160, "test": 40}, SIDE, SIDE, (10, 18))
    names = np.loadtxt(folder / "devkit" / "VOC2007" / "ImageSets" / "Main" / "trainval.txt", dtype=str)
    broken = folder / "devkit" / "VOC2007" / "JPEGImages" / f"{names[5]}.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    write_shape_classes(folder / "classes", {"train": 100, "test": 1}, SIDE)
    save_classifier(folder / "classifier.keras", trained(folder / "classes"))
    return folder


def trained(classes):
    """What `tfdrop-classify` leaves of class folders, without its page and its tests."""
    keras.utils.set_random_seed(0)
    participation = Participation(0.1)
    drop = placement("penultimate_group", lambda factor: FocusedDropout(participation_rate=participation))
    x, y = read_class_folders(classes).train
    standardize, network = fit_channels(x), build("resnet8", x.shape[1:], len(SHAPES), seed=1)
    dropping = build("resnet8", x.shape[1:], len(SHAPES), drop, input_layers=[participation], seed=1)
    dropping.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    dropping.fit(standardize(x), y, batch_size=16, epochs=6, verbose=0)
    copy_weights(dropping, network)
    return make_classifier(network, standardize, sorted(SHAPES), x.shape[1:])


def detect(folder, *words):
    given = (
        "--classifier=classifier.keras",
        "--dataset=devkit",
        *PARTS,
        *SMALL,
        f"--image_size={SIDE}",
        "--batch_size=8",
    )
    return run_program("train.detect", *given, *words, cwd=folder)


def test_planted_shapes_are_found(shapes):
    words = ("--epochs=4", "--workdir=found", "--test_every=3", "--skip_unreadable")
    finished = detect(shapes, *words)
    assert finished.returncode == 0, finished.stderr
    result = json.loads((shapes / "found" / "result.json").read_text())
    assert min(result["map"].values()) > 0.5
    assert result["train_images"] == 159
    [unreadable] = result["unreadable"]
    assert unreadable in finished.stdout
    assert "mean (mAP)" in finished.stdout
    with open(shapes / "found" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[0]["loss"]) > float(rows[3]["loss"])
    assert [bool(row["map_area"]) for row in rows] == [False, False, True, True]
    assert float(rows[3]["map_area"]) == pytest.approx(result["map"]["area"])
    assert np.asarray(PIL.Image.open(shapes / "found" / "detections.png")).std() > 20
    again = detect(shapes, *words)  # which is finished, and printed again
    assert again.returncode == 0, again.stderr
    assert finished.stdout.endswith(again.stdout.partition("\n")[2])
