"""What a recorded training and a replay are asked with: arguments that do not fit are named in one sentence."""

import keras
import numpy as np
import pytest
from scipy.stats import trim_mean

from tfdrop.influence import ReplayInfluence, mean_influence, replay_influence
from tfdrop.training import Training

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.integers(0, 3, 24)
TRAIN, VALIDATION = (X[:16], Y[:16]), (X[16:], Y[16:])
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def training(record=True, layers=None, **settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(layers or [keras.Input((4,)), keras.layers.Dense(3)])
    settings = {"train": TRAIN, "loss": LOSS, "batch_size": 4, "epochs": 2} | settings
    return Training(model, keras.optimizers.SGD(0.1), record=record, **settings)


def finished(*arguments, **settings):
    found = training(*arguments, **settings)
    for _ in found.dispatches():
        pass
    return found


@pytest.fixture(scope="module")
def whole():
    return finished()


def test_trainings_that_are_no_record():
    with pytest.raises(TypeError, match=r"argument `training`. Expected a tfdrop.training.Training"):
        replay_influence(training().model, VALIDATION, verbose=0)
    with pytest.raises(ValueError, match=r"Expected a training with record=True or a folder. Received: record=False"):
        replay_influence(finished(record=False), VALIDATION, verbose=0)
    begun = training()
    next(begun.dispatches())
    with pytest.raises(ValueError, match=r"Expected a finished training. Received: one after 1 of 8 steps"):
        replay_influence(begun, VALIDATION, verbose=0)


@pytest.mark.parametrize("horizon", [0, -0.5, 1.5, float("nan"), "half", True])
def test_horizons_out_of_range(whole, horizon):
    with pytest.raises(ValueError, match=r"argument `horizon`"):
        replay_influence(whole, VALIDATION, horizon=horizon, verbose=0)


def test_validation_data_that_does_not_fit(whole):
    with pytest.raises(ValueError, match=r"labels from 0 to 2. Received: 7 in sample 0"):
        replay_influence(whole, (X[16:], np.full(8, 7)), verbose=0)
    with pytest.raises(ValueError, match=r"argument `validation`"):
        replay_influence(whole, (X[16:, :3], Y[16:]), verbose=0)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"argument `model`. Expected a model with weights of the training's"):
        replay_influence(whole, VALIDATION, model=other, verbose=0)


@pytest.mark.parametrize(
    ("weights", "received"),
    [
        (np.ones(15), r"float64 of shape \(15,\)"),
        (np.ones((16, 1)), r"float64 of shape \(16, 1\)"),
        (np.array(["a"] * 16), r"<U1 of shape \(16,\)"),
        (np.where(np.arange(16) == 3, -1.0, 1.0), "-1.0 for sample 3"),
        (np.where(np.arange(16) == 2, np.nan, 1.0), "nan for sample 2"),
    ],
)
def test_weights_of_samples(weights, received):
    with pytest.raises(ValueError, match=f"argument `sample_weights`.*Received: {received}"):
        training(record=False, sample_weights=weights)


def test_losses_that_samples_cannot_be_weighted_in():
    for reduction in ("none", "mean_with_sample_weight"):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
        with pytest.raises(ValueError, match=r"argument `loss`"):
            training(loss=loss)


def test_a_data_set_of_batches():
    with pytest.raises(TypeError, match=r"argument `train`. Expected a tuple \(x, y\) of arrays"):
        training(train=[TRAIN])


def test_a_record_of_another_model_of_the_same_shape(tmp_path):
    finished(tmp_path)
    layers = [keras.Input((4,)), keras.layers.Dense(3, activation="relu")]
    other = training(tmp_path, layers=layers)
    assert other.restore()
    with pytest.raises(
        ValueError, match=r"Expected the training that was recorded, .* Received: one that after step 8 is off"
    ):
        replay_influence(other, VALIDATION, verbose=0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_trimmed_means(count):
    drawn = np.random.default_rng(count).standard_cauchy((count, 6))
    found = [ReplayInfluence(scores, "loss", 1.0, 1.0, np.ones(2), 1, 0) for scores in drawn]
    np.testing.assert_array_equal(mean_influence(found).scores, drawn.mean(0))
    np.testing.assert_allclose(mean_influence(found, trim=0.5).scores, np.median(drawn, 0))
    share = {1: 0, 2: 0, 3: 1 / 3, 4: 1 / 4, 5: 0.2, 8: 0.25}[count]  # SciPy rounds down
    np.testing.assert_allclose(mean_influence(found, trim=0.2).scores, trim_mean(drawn, share + 1e-9, axis=0))
    for trim in (-0.1, 0.6, "half", np.nan):
        with pytest.raises(ValueError, match="argument `trim`"):
            mean_influence(found, trim=trim)


def test_means_of_influences_of_other_samples():
    def found(samples, measure):
        return ReplayInfluence(np.ones(samples), measure, 1.0, 1.0, np.ones(2), 1, 0)

    with pytest.raises(ValueError, match=r"argument `found`"):
        mean_influence([])
    with pytest.raises(ValueError, match=r"loss of 3 samples, expected_error of 3 samples"):
        mean_influence([found(3, "loss"), found(3, "expected_error")])
