import keras
import numpy as np
import pytest

from tfdrop.losses import ExpectedError, HalfSumSquaredError


def test_is_half_the_sum_over_the_batch():
    rng = np.random.default_rng(1)
    y, y_pred = rng.normal(size=(2, 5, 4, 3, 1)).astype("float32")
    assert float(HalfSumSquaredError()(y, y_pred)) == pytest.approx(0.5 * np.sum((y - y_pred) ** 2), rel=1e-5)


def test_labels_of_another_type_are_cast_and_of_another_rank_refused():
    y = np.arange(6).reshape(3, 2)
    for dtype in ("float64", "int32", "uint8"):
        assert float(HalfSumSquaredError()(y.astype(dtype), np.zeros((3, 2), "float32"))) == 27.5
    with pytest.raises(ValueError, match="argument `y_true`"):
        HalfSumSquaredError().call(np.zeros(3), np.zeros((3, 2, 1), "float32"))


def test_survives_saving_with_a_model(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(loss=HalfSumSquaredError())
    model.fit(np.zeros((4, 3)), np.zeros((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.loss, HalfSumSquaredError)
    assert loaded.loss.reduction == "sum"


LABELS = np.array([0, 2, 1, 1])
LOGITS = np.random.default_rng(3).normal(size=(4, 3))


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("kind", ["sparse_categorical", "categorical", "binary"])
def test_expected_error_is_one_minus_the_labels_probability(kind, from_logits):
    if kind == "binary":
        labels = LABELS[:, None] == [[0, 1, 2]]
        p = 1 / (1 + np.exp(-LOGITS))
        expected = np.where(labels, 1 - p, p).mean(-1)
    else:
        labels = np.eye(3)[LABELS] if kind == "categorical" else LABELS
        p = softmax(LOGITS)
        expected = 1 - p[np.arange(4), LABELS]
    loss = ExpectedError(kind, from_logits=from_logits, reduction=None)
    outputs = (LOGITS if from_logits else p).astype("float32")
    np.testing.assert_allclose(loss(labels, outputs), expected, rtol=1e-5)
    assert float(ExpectedError(kind, from_logits)(labels, outputs)) == pytest.approx(expected.mean(), rel=1e-5)


def test_expected_error_takes_class_indices_with_an_axis_of_their_own():
    loss = ExpectedError("sparse_categorical", from_logits=True)
    assert float(loss(LABELS[:, None], LOGITS)) == float(loss(LABELS, LOGITS))


def test_expected_error_is_serialized():
    loss = ExpectedError("categorical", from_logits=True, reduction="sum", name="e")
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(copy, ExpectedError)
    assert (copy.kind, copy.from_logits, copy.reduction, copy.name) == ("categorical", True, "sum", "e")


def test_expected_error_of_an_unknown_kind():
    with pytest.raises(ValueError, match=r"argument `kind`. Expected one of 'sparse_categorical'"):
        ExpectedError("regression")
