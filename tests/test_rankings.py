"""Rankings of samples by what a training gives away, held to loops that say what the papers say."""

import itertools

import keras
import numpy as np
import pytest

from tfdrop.data_dropout import Criterion, choose_cap
from tfdrop.data_dropout.rankings import (
    OF_OUTPUTS,
    confident_learning,
    error_norms,
    forgetting_events,
    last_losses,
    negative_margins,
)

RNG = np.random.default_rng(3)
EPOCHS, SAMPLES, CLASSES = 20, 13, 4
LOGITS = RNG.normal(size=(EPOCHS, SAMPLES, CLASSES)) * 3
LABELS = RNG.integers(0, CLASSES, SAMPLES)


def probabilities(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def test_loss_is_keras_cross_entropy_of_the_last_epoch():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(last_losses(LOGITS, LABELS), np.array(loss(LABELS, LOGITS[-1])), rtol=1e-5)


def test_error_norm_is_taken_after_a_tenth_of_the_epochs():
    expected = []
    for row, label in zip(probabilities(LOGITS[1]), LABELS, strict=True):
        row[label] -= 1
        expected.append(np.sqrt(np.sum(row**2)))
    np.testing.assert_allclose(error_norms(LOGITS, LABELS), expected)
    np.testing.assert_allclose(error_norms(LOGITS[1:2], LABELS), expected)


def test_margins_are_averaged_over_the_epochs():
    expected = []
    for sample, label in enumerate(LABELS):
        areas = [logits[sample, label] - max(np.delete(logits[sample], label)) for logits in LOGITS]
        expected.append(-sum(areas) / EPOCHS)
    np.testing.assert_allclose(negative_margins(LOGITS, LABELS), expected)


def test_forgetting_counts_falls_from_right_to_wrong():
    found = forgetting_events(LOGITS, LABELS)
    for sample, label in enumerate(LABELS):
        right = [logits[sample].argmax() == label for logits in LOGITS]
        events = sum(before and not after for before, after in itertools.pairwise(right))
        assert int(found[sample]) == (events if any(right) else EPOCHS)
    never = np.zeros((3, 1, 2))
    never[..., 0] = 50.0
    assert forgetting_events(never, [1])[0] < 4
    assert int(forgetting_events(never, [1])[0]) == 3


def test_ties_of_forgetting_fall_to_the_more_doubtful_sample():
    logits = np.array([[[9.0, 0.0], [1.0, 0.0]]] * 3)
    sure, doubtful = forgetting_events(logits, [0, 0])
    assert sure < doubtful < 1


def test_confident_learning_puts_wrong_labels_first():
    pytest.importorskip("cleanlab")
    right = RNG.integers(0, CLASSES, 200)
    found = probabilities(np.eye(CLASSES)[right] * 3 + RNG.normal(size=(200, CLASSES)) * 0.3)
    labels = right.copy()
    labels[:20] = (labels[:20] + 1) % CLASSES
    assert set(np.argsort(-confident_learning(found, labels))[:20]) == set(range(20))


@pytest.mark.parametrize("name", OF_OUTPUTS)
@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (LOGITS[0], LABELS, r"logits.*\(epochs, n, classes\).*\(13, 4\)"),
        (LOGITS[:0], LABELS, "logits"),
        (np.where(LOGITS.max() == LOGITS, np.nan, LOGITS), LABELS, "logits.*finite.*nan"),
        (LOGITS, LABELS[:5], r"labels.*shape \(13,\).*\(5,\)"),
        (LOGITS, np.full(SAMPLES, CLASSES), "labels.*from 0 to 3"),
        (LOGITS, LABELS * 1.0, "labels.*float64"),
    ],
)
def test_what_does_not_fit_is_named(name, logits, labels, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        OF_OUTPUTS[name](logits, labels)


def test_without_a_threshold_the_cap_alone_decides():
    scores = np.array([-1.0, -3.0, -2.0, -4.0])
    assert Criterion(-np.inf, cap=2).unfavorable(scores).tolist() == [True, False, True, False]
    assert not Criterion(cap=2).unfavorable(scores).any()
    with pytest.raises(ValueError, match="threshold"):
        Criterion(np.inf)


def test_a_number_is_chosen_where_no_score_is_positive():
    wrong, rng = np.arange(100) < 10, np.random.default_rng(0)

    def measure_without(kept, seed):
        return wrong[kept].mean() + 0.01 * (100 - len(kept)) / 100 + 0.001 * rng.random(50)

    choice = choose_cap(np.where(wrong, -1.0, -2.0), measure_without, threshold=-np.inf)
    assert choice.dropped == (0, 1, 3, 10, 20, 30)
    assert choice.cap == 10
