"""The validation images that measure how many to drop."""

import numpy as np
import pytest
from scipy.special import softmax

from tfdrop.errors import UserError
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.classification.data import preprocessed, read_data
from tfdrop.tasks.classification.held_out import brier_scores, percent_wrong
from tfdrop.tasks.classification.networks import plain_network
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.training.log import TrainingLog


def rows(part):
    """The images with their labels, as a set of texts."""
    return {image.tobytes() + bytes([label]) for image, label in zip(*part, strict=True)}


def test_half_of_the_validation_images_of_each_class_are_held_out():
    whole, divided = (read_data(ClassifySettings(max_drop=drop, seed=3)) for drop in (0.1, "auto"))
    assert whole.held_out is None
    assert rows(divided.validation) | rows(divided.held_out) == rows(whole.validation)
    assert not rows(divided.validation) & rows(divided.held_out)
    assert len(divided.held_out[1]) == len(whole.validation[1]) // 2
    for label, count in enumerate(np.bincount(whole.validation[1])):
        assert abs(np.sum(divided.held_out[1] == label) - count / 2) <= 1
    np.testing.assert_array_equal(divided.train[0], whole.train[0])
    assert divided.fingerprint() != whole.fingerprint()
    other = read_data(ClassifySettings(max_drop="auto", seed=4))
    assert rows(other.held_out) != rows(divided.held_out)


def test_all_of_them_measure_where_no_score_comes_from_any():
    whole = read_data(ClassifySettings(seed=3)).validation
    for rank_by in ("el2n", "self_influence"):
        data = read_data(ClassifySettings(max_drop="auto", seed=3, rank_by=rank_by))
        assert rows(data.held_out) == rows(data.validation) == rows(whole)
    for more in ({"rank_by": "auto"}, {"rank_by": "influence"}, {"rank_by": "el2n", "schedule": "plateau"}):
        data = read_data(ClassifySettings(max_drop="auto", seed=3, **more))
        assert not rows(data.validation) & rows(data.held_out)
    with pytest.raises(UserError, match=r"--max_drop=auto: needs at least 20 validation images, and there are 19"):
        read_data(ClassifySettings(max_drop="auto", rank_by="el2n", validation_samples=[19]))


def test_what_is_held_out_is_preprocessed_as_all_else():
    settings = ClassifySettings(max_drop="auto", train_samples=200)
    raw = read_data(settings)
    data, preprocess = preprocessed(settings, raw)
    np.testing.assert_array_equal(data.held_out[0], preprocess(raw.held_out[0]).astype("float32"))


def test_one_round_chooses_nothing_and_too_few_validation_images_are_named():
    assert read_data(ClassifySettings(max_drop="auto", rounds=1)).held_out is None
    with pytest.raises(UserError, match=r"--max_drop=auto: needs at least 40 validation images, .* there are 39"):
        read_data(ClassifySettings(max_drop="auto", validation_samples=[39]))


@pytest.mark.parametrize(("name", "measure"), [("error", percent_wrong), ("brier", brier_scores)])
def test_an_arm_is_measured_on_what_is_held_out(tmp_path, name, measure):
    settings = ClassifySettings(max_drop="auto", train_samples=100, drop="none", trial_measure=name)
    task = ClassificationTask(settings, read_data(settings))
    network = plain_network(settings, (8, 8, 1), 10)
    with TrainingLog(tmp_path, "round 1") as log:
        log.record(1, test_error=50.0)
    result = {"images": 100}
    task.measure(Arm("round 1"), network, tmp_path, result, None)
    x, y = task.data.held_out
    logits = network.predict(x, verbose=0).astype("float64")
    np.testing.assert_allclose(result["held_out"], measure(softmax(logits, axis=1), y), rtol=1e-4)


def test_percent_wrong_is_the_error_and_wrong_labels_shift_it_alike():
    """As many labels of each class are wrong, and each other class is as often in its place."""
    rng = np.random.default_rng(0)
    classes = 4
    right = np.repeat(np.arange(classes), 30 * (classes - 1))
    wrong = np.arange(len(right)) % 30 < 9
    noisy = np.where(wrong, (right + 1 + np.arange(len(right)) // 30 % (classes - 1)) % classes, right)
    for _ in range(5):
        answers = rng.permutation(classes)[right]  # whole classes are right or wrong
        probabilities = np.eye(classes)[answers]
        true, seen = (percent_wrong(probabilities, labels).mean() for labels in (right, noisy))
        assert true == pytest.approx(100 * np.mean(answers != right))
        assert seen == pytest.approx(30 + true * (1 - 0.3 - 0.3 / (classes - 1)))


def test_brier_scores():
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet(np.ones(4), size=6), rng.integers(4, size=6)
    expected = [
        sum((p - (label == number)) ** 2 for number, p in enumerate(row))
        for row, label in zip(probabilities, labels, strict=True)
    ]
    np.testing.assert_allclose(brier_scores(probabilities, labels), expected)
