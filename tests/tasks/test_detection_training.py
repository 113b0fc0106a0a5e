"""The training of a detector: a stopped one goes on to the same bits, and its learning rate is the papers'."""

import numpy as np
import pytest
from voc_folders import SHAPES, write_shapes

from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.classifier import make_classifier
from tfdrop.data.preprocessing import Standardization
from tfdrop.detection.voc import list_voc
from tfdrop.errors import UserError
from tfdrop.models import CifarResNet
from tfdrop.tasks.detection.settings import DetectSettings
from tfdrop.tasks.detection.training import learning_rate, make_optimizer, train_detector
from tfdrop.training.log import read_records

SETTINGS = DetectSettings(
    image_size=16, batch_size=2, epochs=2, head_convolutions=1, classes="disc,square,cross", warmup_steps=2
)


def test_the_learning_rate_rises_and_falls():
    settings = DetectSettings(learning_rate=0.3, warmup_steps=4)
    rates = [learning_rate(settings, step, 90) for step in range(90)]
    np.testing.assert_allclose(rates[:6], [0.1, 0.15, 0.2, 0.25, 0.3, 0.3])
    np.testing.assert_allclose([rates[59], rates[60], rates[79], rates[80]], [0.3, 0.03, 0.03, 0.003])


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path):
    pytest.importorskip("keras_hub")
    from tfdrop.detection.retinanet import build_detector, compile_detector

    write_shapes(tmp_path, {"trainval": 4}, 16, 16, (8, 14))
    images = list_voc(tmp_path, "2007/trainval", SHAPES)
    network = CifarResNet(8, (16, 16, 3), classes=3, filters=4, seed=1)
    standardize = Standardization(np.float32([100] * 3), np.float32([50] * 3))
    classifier = make_classifier(network, standardize, SHAPES, (16, 16, 3))
    detector = build_detector(classifier, 3, 16, frozen_groups=0, head_convolutions=1, anchor_size=2.0)
    compile_detector(detector, make_optimizer(SETTINGS))
    detector.optimizer.build(detector.trainable_variables)
    variables = [*detector.variables, *detector.optimizer.variables]
    first = [each.numpy() for each in variables]

    def train(folder, pace=None):
        (tmp_path / folder).mkdir(exist_ok=True)
        train_detector(detector, SETTINGS, images, tmp_path / folder, "key", lambda: {"map_area": 0.5}, pace)
        return [each.numpy() for each in variables], read_records(tmp_path / folder, "detector")

    def assign(values):
        for each, value in zip(variables, values, strict=True):
            each.assign(value)

    expected, records = train("whole")
    assert [record["epoch"] for record in records] == [1, 2]
    assert any(not np.array_equal(before, after) for before, after in zip(first, expected, strict=True))
    assign(first)
    steps = iter([False, False, True])  # in the middle of the second epoch
    with pytest.raises(OutOfTime):
        train("stopped", Pace(1e9, interrupted=lambda: next(steps)))
    assign([np.full_like(each, 7) for each in first])  # of another process nothing is left
    found, others = train("stopped")
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for record, other in zip(records, others, strict=True):
        assert {**record, "seconds": 0} == {**other, "seconds": 0}
    finished, _ = train("stopped")  # nothing is left to do
    np.testing.assert_array_equal(finished[0], found[0])

    assign([np.full_like(each, np.nan) if each.dtype.kind == "f" else each for each in first])
    with pytest.raises(UserError, match="the loss is nan after 1 steps; a smaller --learning_rate may train"):
        train("broken")
