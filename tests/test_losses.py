import keras
import numpy as np
import pytest

from tfdrop.losses import HalfSumSquaredError


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
