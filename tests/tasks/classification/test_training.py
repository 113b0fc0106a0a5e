"""The parts of a classification run: networks, learning rates, test errors, and training that is interrupted."""

import keras
import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from tfdrop import layers, schedules
from tfdrop.checkpoint import OutOfTime, Pace
from tfdrop.models import NETWORKS
from tfdrop.models.activations import ACTIVATIONS
from tfdrop.tasks.classification import training
from tfdrop.tasks.classification.data import ClassifyData, preprocessed, read_data
from tfdrop.tasks.classification.drop_layers import DROPS, with_usual_values
from tfdrop.tasks.classification.networks import copy_weights, optimizer, plain_network, training_network
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.training import measured_errors, plateau_rate, strengths, train_classifier
from tfdrop.tasks.classification.while_dropping import AlwaysDropping, errors_while_dropping
from tfdrop.training.log import read_records
from train.recipes import cost


def new_settings(**given):
    return with_usual_values(ClassifySettings(**given))


def drop_layers(model):
    return [layer for layer in model.layers if layer.name.endswith("_drop")]


KINDS = {
    "dropout": keras.layers.Dropout,
    "spatial_dropout": keras.layers.SpatialDropout2D,
    "drop_block": layers.DropBlock2D,
    "spatial_scale": layers.SpatialScale,
    "selectout": layers.Selectout,
    "select_scale": layers.SelectScale,
    "focused_dropout": layers.FocusedDropout,
}


@pytest.mark.parametrize("kind", KINDS)
def test_networks_have_the_drop_layers_that_are_asked_for(kind):
    settings = new_settings(drop=kind, drop_until_round=1)
    first, second = (training_network(settings, (8, 8, 1), 4, round, steps=10) for round in (1, 2))
    found = drop_layers(first)
    assert {type(layer) for layer in found} == {KINDS[kind]}
    assert len(found) == {"every_convolution": 7, "penultimate_group": 1, "first_two_groups": 2}[settings.placement]
    assert all(layer.rate == pytest.approx(settings.rate) for layer in found if hasattr(layer, "rate"))
    assert drop_layers(second) == []


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_network_that_is_tested_has_the_activations_of_the_one_that_is_trained(activation):
    settings = new_settings(drop="select_scale", activation=activation)
    trained = training_network(settings, (8, 8, 1), 4, 1, steps=1)
    tested = plain_network(settings, (8, 8, 1), 4)
    activations = {
        getattr(layer, "activation", None) for layer in tested.layers if isinstance(layer, keras.layers.Activation)
    }
    assert activations == ({keras.activations.get(activation)} if activation != "relu" else set())
    copy_weights(trained, tested)
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(trained(images, training=False), tested(images), rtol=1e-5)


@pytest.mark.parametrize("kind", ["dropout", "spatial_dropout", "select_scale"])
def test_curriculum_raises_the_rate_from_zero(kind):
    settings = new_settings(drop=kind, rate=0.2, curriculum=0.5)
    [layer, *_] = drop_layers(training_network(settings, (8, 8, 1), 4, 1, steps=100))
    assert layer.schedule == schedules.linear(0.0, 0.2, steps=50)
    assert getattr(layer, "spatial", None) == {"dropout": False, "spatial_dropout": True}.get(kind)


def test_cost_table_has_every_network():
    assert set(cost.NETWORKS) == set(NETWORKS)
    assert set(KINDS) | {"none"} == set(DROPS)


def test_learning_rate_drops_at_epochs_or_shares_of_them():
    settings = new_settings(epochs=20, learning_rate=1.0, learning_rate_drops=[0.5, 15.0], learning_rate_factor=0.2)
    rate = optimizer(settings, steps_per_epoch=10)._learning_rate
    found = [float(rate(step)) for step in (0, 99, 100, 149, 150, 199)]
    np.testing.assert_allclose(found, [1, 1, 0.2, 0.2, 0.04, 0.04], rtol=1e-6)
    cosine = optimizer(new_settings(epochs=20, schedule="cosine"), 10)._learning_rate
    assert float(cosine(100)) == pytest.approx(0.025)


def test_plateau_is_what_keras_does():
    settings = new_settings(schedule="plateau", learning_rate=1.0, patience=2, learning_rate_factor=0.5)
    errors = [5, 4, 4.5, 4.2, 3, 3, 3.5, 3.2, 3.1, 2, 2.5, 2.5, 2.5, 2.5, 2.5]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback = keras.callbacks.ReduceLROnPlateau("error", factor=0.5, patience=2, min_delta=0, mode="min")
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, error in enumerate(errors):
        callback.on_epoch_end(epoch, {"error": error})
        assert plateau_rate(settings, errors[: epoch + 1]) == float(model.optimizer.learning_rate)


@pytest.mark.parametrize("classes", [3, 9])
def test_errors_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    x, y = rng.normal(size=(101, 1, 1, classes)).astype("float32"), rng.integers(0, classes, 101)
    model = keras.Sequential([keras.Input((1, 1, classes)), keras.layers.Flatten()])
    errors = measured_errors(new_settings(), model, (x, y))
    answers, labels = x.reshape(101, classes), list(range(classes))
    for name, k in {"test_error": 1, "test_top5_error": 5}.items():
        if k < classes:
            assert errors[name] == pytest.approx(100 - 100 * top_k_accuracy_score(y, answers, k=k, labels=labels))
    assert len(errors) == (2 if classes > 5 else 1)


@pytest.mark.parametrize("test_batch", [8, 500])
def test_errors_of_equal_answers_and_a_smaller_last_batch(monkeypatch, test_batch):
    """Of equal answers the first counts as given, as in an argmax; a network that answers all alike says class 0."""
    monkeypatch.setattr(training, "TEST_BATCH", test_batch)
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(43, 1, 1, 9))).astype("float32")
    x[-3:] = 0
    y = np.concatenate([rng.integers(0, 9, 40), [0, 4, 5]])
    answers = x.reshape(43, 9).tolist()
    wrong = {1: 0, 5: 0}
    for row, label in zip(answers, y.tolist(), strict=True):
        before = sum(value > row[label] or (value == row[label] and at < label) for at, value in enumerate(row))
        wrong = {k: count + (before >= k) for k, count in wrong.items()}
    errors = measured_errors(new_settings(), keras.Sequential([keras.Input((1, 1, 9)), keras.layers.Flatten()]), (x, y))
    assert errors["test_error"] == pytest.approx(100 * wrong[1] / 43)
    assert errors["test_error"] == pytest.approx(100 * np.mean(np.argmax(answers, axis=1) != y))
    assert errors["test_top5_error"] == pytest.approx(100 * wrong[5] / 43)


def test_answers_that_are_not_finite_are_all_wrong():
    x = np.zeros((4, 1, 1, 9), "float32")
    x[1, 0, 0, 3] = np.nan
    model = keras.Sequential([keras.Input((1, 1, 9)), keras.layers.Flatten()])
    errors = measured_errors(new_settings(), model, (x, np.zeros(4, int)))
    assert errors == {"test_error": 100.0, "test_top5_error": 100.0}


def test_ten_crops_average_probabilities():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 6, 6, 3)).astype("float32"), rng.integers(0, 3, 12)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    found = measured_errors(new_settings(crop_size=4, test_crops=10, augment="flip"), model, (x, y))
    mean = 0
    for top, left in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1)):
        crop = x[:, top : top + 4, left : left + 4]
        mean = mean + sum(keras.ops.softmax(model(each)) for each in (crop, crop[:, :, ::-1]))
    assert found["test_error"] == pytest.approx(100 * np.mean(np.argmax(mean, 1) != y))


EVERYTHING = {
    "drop": "focused_dropout",
    "participation_rate": 0.5,
    "magnified_weight_decay": 0.1,
    "augment": "crop",
    "augment_from_round": 1,
    "schedule": "plateau",
    "patience": 1,
    "learning_rate_factor": 0.5,
    "epochs": 3,
    "train_samples": 96,
    "validation_samples": [50],
}


class FewSteps(Pace):
    """A pace that saves after every step, and stops after some."""

    def __init__(self, steps):
        super().__init__()
        self._left = steps

    def after_step(self, save):
        save()
        self._left -= 1
        if self._left == 0:
            raise OutOfTime


def test_a_killed_training_goes_on_to_the_same_result(tmp_path):
    settings = new_settings(**EVERYTHING, keep_epochs=[EVERYTHING["epochs"]])
    data, _ = preprocessed(settings, read_data(settings))
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = train_classifier(settings, data, data.train, "round 1", 1, tmp_path / "whole")
    with pytest.raises(OutOfTime):
        train_classifier(settings, data, data.train, "round 1", 1, tmp_path / "killed", FewSteps(4))
    killed = train_classifier(settings, data, data.train, "round 1", 1, tmp_path / "killed")
    for before, after in zip(whole.get_weights(), killed.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)
    kept = keras.saving.load_model(tmp_path / "killed" / f"round_1_epoch_{settings.epochs}.keras")
    for before, after in zip(whole.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)
    records = [read_records(tmp_path / name, "round 1") for name in ("whole", "killed")]
    for record in [*records[0], *records[1]]:
        del record["seconds"], record["samples_per_second"]
    assert records[0] == records[1]
    assert {"validation_error", "kept_share"} <= records[0][0].keys()
    assert records[0][0]["weight_decay"] == pytest.approx(0.5 * (0.1 + settings.weight_decay))


@pytest.mark.parametrize(("drop", "curriculum"), [("select_scale", 0.0), ("select_scale", 0.5), ("dropout", 0.0)])
def test_the_drop_rate_is_that_of_the_running_step(drop, curriculum):
    settings = new_settings(drop=drop, rate=0.4, curriculum=curriculum, weight_decay=0.01)
    network = training_network(settings, (8, 8, 1), 10, 1, steps=20)
    network.compile(training.optimizer(settings, 10), training.classification_loss(), jit_compile=False)
    x, y = np.zeros((4, 8, 8, 1), "float32"), np.zeros(4, int)
    taken = training.Training(network, network.optimizer, network.loss, (x, y), batch_size=2, epochs=10)
    network.optimizer.iterations.assign(5)
    taken.seed_random_layers()  # as before the sixth step
    rate = 0.4 if not curriculum else 0.4 * 5 / 10
    assert strengths(settings, network) == {"weight_decay": 0.01, "drop_rate": pytest.approx(rate)}
    assert "drop_rate" not in strengths(new_settings(drop="none"), plain_network(settings, (8, 8, 1), 10))


def test_drop_layers_at_work_in_testing():
    ones = np.ones((4, 5, 6, 50), "float32")
    dropped = np.array(AlwaysDropping(keras.layers.SpatialDropout2D(0.5))(ones))
    assert set(np.unique(dropped)) == {0, 2}
    assert 0.3 < np.mean(dropped == 0) < 0.7
    settings = new_settings(drop="none", test_drop="select_scale", test_rates=[0.0], top_rate=0.5)
    data, _ = preprocessed(settings, read_data(settings))
    data = data._replace(test=tuple(part[:50] for part in data.test))
    network = training_network(settings, (8, 8, 1), 10, 1, steps=1)
    [found] = errors_while_dropping(settings, network, data)
    assert found == {"rate": 0.0, **measured_errors(settings, network, data.test)}


def test_preprocessing_is_fitted_on_the_training_images():
    rng = np.random.default_rng(0)
    parts = [(rng.integers(0, 255, (n, 4, 4, 3), dtype="uint8"), np.zeros(n, "int32")) for n in (20, 5, 6)]
    raw = ClassifyData(*parts, np.arange(20), ("a",))
    data, _ = preprocessed(new_settings(), raw)
    mean, deviation = parts[0][0].mean((0, 1, 2)), parts[0][0].std((0, 1, 2))
    for (x, _), (before, _) in zip((data.train, data.validation, data.test), parts, strict=True):
        assert x.dtype == "float32"
        np.testing.assert_allclose(x, (before - mean) / deviation, rtol=1e-4, atol=1e-5)


def test_a_smaller_set_and_none_for_validation():
    data = read_data(ClassifySettings(train_samples=100, validation_samples=[0], rounds=1))
    whole = read_data(ClassifySettings(validation_samples=[0], rounds=1))
    assert data.validation is None
    assert np.bincount(data.train[1]).tolist() == [10] * 10
    np.testing.assert_array_equal(data.train[0], whole.train[0][data.samples])
    assert (
        data.fingerprint()
        != whole.fingerprint()
        == read_data(ClassifySettings(validation_samples=[0], rounds=1)).fingerprint()
    )
