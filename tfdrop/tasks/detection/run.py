"""A detection run: a classifier becomes a detector, is fine-tuned and tested; then the report and the pictures."""

import hashlib
import json
import math

import numpy as np

from tfdrop import plots
from tfdrop.classifier import load_classifier
from tfdrop.detection.annotations import without_difficult
from tfdrop.detection.average_precision import average_precision
from tfdrop.detection.decoding import Detector
from tfdrop.detection.detector_file import FILE, save_detector
from tfdrop.detection.images import read
from tfdrop.detection.retinanet import build_detector, compile_detector
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.detection.report import detection_report
from tfdrop.tasks.detection.training import CHECKPOINT, make_optimizer, train_detector
from tfdrop.tasks.starts import about_starts, noted_start
from tfdrop.tasks.workdir import RESULT
from tfdrop.training.loop import compiles_with_xla
from tfdrop.whole_files import forget

PICTURES = "detections.png"
SHOWN_SCORE = 0.3


def read_classifier(settings):
    """Returns the trained classifier, and a text that is another one for other weights.

    Raises:
        UserError: If there is none.
    """
    with blaming("classifier", settings.classifier):
        classifier = load_classifier(settings.classifier)
    digest = hashlib.sha256()
    for array in classifier.model.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return classifier, digest.hexdigest()[:16]


def make_detector(settings, classifier):
    """Returns the detector before it is trained.

    Raises:
        UserError: If the classifier does not fit.
    """
    try:
        return build_detector(
            classifier,
            len(settings.class_names),
            settings.image_size,
            settings.frozen_groups,
            settings.head_convolutions,
            settings.anchor_size,
            settings.weight_decay,
            settings.seed,
        )
    except ValueError as error:
        name = "image_size" if "argument `side`" in str(error) else "classifier"
        raise UserError(f"--{name}={getattr(settings, name)}: {error}") from error


def run(settings, data, detector, workdir, about, pace=None):
    """Does what the settings ask for and prints the report; a finished run's report is printed again.

    Args:
        settings: `DetectSettings`.
        data: `DetectData`.
        detector: The detector, as `make_detector` made it; `None` for a finished run.
        workdir: `Workdir`.
        about: Dictionary that goes into the result as it is: what the recipe says, if there is one.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
    """
    if not workdir.exists(RESULT):
        with noted_start(workdir):
            result = _result(settings, data, detector, workdir, pace)
        workdir.write_json(RESULT, {**about, **result, **about_starts(workdir)})
        forget(workdir.path / CHECKPOINT)
    print(detection_report(workdir.read_json(RESULT)))
    print(f"\nEverything is in {workdir.path}" + f"; {PICTURES} there shows test images" * bool(settings.pictures))


def _result(settings, data, detector, workdir, pace):
    finder = Detector(detector)
    key = json.dumps(workdir.read_json("settings.json") | {"workdir": ""}, sort_keys=True)

    tests: list = []

    def test():
        tests[:] = [_tested(finder, data)]
        return {f"map_{name}": value for name, value in tests[0][1].mean().items()}

    compile_detector(detector, make_optimizer(settings), compiles_with_xla())
    train_detector(detector, settings, data.train, workdir.path, key, test, pace)
    found, precision = tests[0] if tests else _tested(finder, data)  # none where an earlier start trained it all
    workdir.write(FILE, lambda path: save_detector(path, detector, data.classes))
    if settings.pictures:
        workdir.write(PICTURES, lambda path: _draw(path, settings, data, found))
    return {
        "classes": list(data.classes),
        "train_images": len(data.train),
        "test_images": len(data.test),
        "unreadable": list(data.unreadable),
        "map": {name: _number(value) for name, value in precision.mean().items()},
        "average_precision": {
            name: [_number(precision.eleven_points[label]), _number(precision.area[label])]
            for label, name in enumerate(data.classes)
        },
    }


def _tested(finder, data):
    """Returns what is found on the test images, and how precise that is."""
    found = finder.detect(data.test)
    return found, average_precision(found, [image.objects for image in data.test], len(data.classes))


def _draw(path, settings, data, found):
    places = np.unique(np.linspace(0, len(data.test) - 1, settings.pictures).round().astype(int))
    shown = []
    for place in places:
        image, each = data.test[place], found[place]
        sure = each.scores >= SHOWN_SCORE
        labels, scores = each.labels[sure], each.scores[sure]
        texts = [f"{data.classes[label]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
        boxes = plots.Boxes(each.boxes[sure], labels, texts)
        expected = without_difficult(image.objects).boxes
        shown.append(plots.DetectionPicture(read(image) / 255, image.name, boxes, expected))
    plots.detections(path, shown)


def _number(value):
    return None if math.isnan(value) else float(value)
