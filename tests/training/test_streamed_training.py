"""Trainings and influence on images that are read when they are needed, beside the same in arrays."""

import keras
import numpy as np
import pytest

from tfdrop import data_dropout
from tfdrop.data.sets.streamed_images import StreamedImages
from tfdrop.influence import InfluenceModel, LiSSA, replay_influence, total_influence
from tfdrop.training import Training, repeated, train_arrays

SAMPLES, BATCH = 37, 8
rng = np.random.default_rng(0)
PIXELS = rng.standard_normal((SAMPLES, 4, 4, 1)).astype("float32")
LABELS = rng.integers(0, 3, SAMPLES)
VALIDATION = rng.standard_normal((9, 4, 4, 1)).astype("float32"), rng.integers(0, 3, 9)
WEIGHTS = rng.uniform(0, 2, SAMPLES)


def streamed(pixels):
    return StreamedImages(lambda number: pixels[number], [str(number) for number in range(len(pixels))])


def network():
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Conv2D(3, 3, activation="gelu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3),
    ]
    return keras.Sequential([keras.Input((4, 4, 1)), *layers])


def trained(x, **arguments):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    arguments = {"record": True, "sample_weights": WEIGHTS} | arguments
    training = Training(network(), optimizer, loss, (x, LABELS), BATCH, epochs=3, seed=2, **arguments)
    losses = np.concatenate(list(training.dispatches()))
    return training, losses


@pytest.fixture(scope="module")
def pair():
    return trained(PIXELS), trained(streamed(PIXELS))


def test_the_same_training_to_the_bit(pair):
    (whole, losses), (read, read_losses) = pair
    np.testing.assert_array_equal(read_losses, losses)
    for ours, theirs in zip(read.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_replay_to_the_bit(pair):
    found = [replay_influence(training, VALIDATION, verbose=0).scores for training, _ in pair]
    np.testing.assert_array_equal(found[1], found[0])
    with repeated(pair[1][0], np.where(np.arange(SAMPLES) == 3, 0.0, WEIGHTS)) as again:
        assert sum(len(losses) for losses in again.dispatches()) == again.steps


def test_a_dispatch_reads_no_more_than_it_may(pair, monkeypatch):
    shapes = []
    images = streamed(PIXELS)
    monkeypatch.setattr(train_arrays, "BYTES_READ", 2 * BATCH * PIXELS[0].nbytes)
    training, losses = trained(images, record=False, steps_per_dispatch=100)
    np.testing.assert_array_equal(losses, pair[0][1])
    assert training._compiled.arrays.most_samples() == 2 * BATCH
    again = Training(
        network(), keras.optimizers.SGD(0.1), keras.losses.MeanSquaredError(), (images, LABELS[:, None]), BATCH, 2
    )
    shapes = [len(losses) for losses in again.dispatches()]
    assert max(shapes) <= 2


def test_another_set_is_another_training(tmp_path):
    trained(streamed(PIXELS), record=tmp_path / "record")
    with pytest.raises(ValueError, match="another"):
        trained(streamed(PIXELS)[::-1], record=tmp_path / "record")


@pytest.mark.parametrize("solver", ["cg", LiSSA(depth=20, batch_size=8, damping=0.5, tolerance=0.5)])
def test_the_same_influence(pair, solver):
    model, loss = pair[0][0].model, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = [
        total_influence(
            model, (x, LABELS), VALIDATION, loss=loss, curvature="gauss_newton", damping=0.5, solver=solver, verbose=0
        )
        for x in (PIXELS, streamed(PIXELS))
    ]
    np.testing.assert_array_equal(found[1].scores, found[0].scores)


def test_the_same_self_influence_of_some(pair):
    model, loss = pair[0][0].model, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = [
        InfluenceModel(model, (x, LABELS), loss=loss, curvature="gauss_newton", damping=0.5)
        .self_influence(samples=np.array([3, 30]))
        .scores
        for x in (PIXELS, streamed(PIXELS))
    ]
    np.testing.assert_array_equal(found[1], found[0])


def test_rounds_of_data_dropout_pass_streams_on():
    given = []

    def train_model(train, round):
        given.append(train)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        training = Training(network(), keras.optimizers.SGD(0.1), loss, train, BATCH, epochs=1, seed=2, record=True)
        for _ in training.dispatches():
            pass
        return training

    first, _ = data_dropout.train_rounds(
        train_model,
        (streamed(PIXELS), LABELS),
        VALIDATION,
        criterion=data_dropout.Criterion(cap=0.2),
        influence="replay",
    )
    x, labels = given[1]
    assert isinstance(x, StreamedImages)
    kept = np.setdiff1d(np.arange(SAMPLES), first.dropped)
    assert 0 < len(kept) < SAMPLES
    np.testing.assert_array_equal(np.asarray(x), PIXELS[kept])
    np.testing.assert_array_equal(labels, LABELS[kept])
