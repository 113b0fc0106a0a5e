"""The training loop: every sample once an epoch, as `fit` would train, and resumable at any dispatch."""

import keras
import numpy as np
import pytest

from tfdrop.checkpoint import load_training, save_training
from tfdrop.training import Training


def regression(samples=37):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 3)).astype("float32")
    return x, x @ rng.normal(size=(3, 2)).astype("float32")


def new_model(*extra):
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(5, activation="tanh"), *extra, keras.layers.Dense(2)]
    )
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.MeanSquaredError(), jit_compile=False)
    return model


def new_training(model, train, **arguments):
    arguments = {"batch_size": 8, "epochs": 3, "seed": 4, "steps_per_dispatch": 2} | arguments
    return Training(model, model.optimizer, model.loss, train, **arguments)


def test_takes_the_steps_that_keras_takes_on_the_same_batches():
    x, y = regression()
    model, reference = new_model(), new_model()
    losses = np.concatenate(list(new_training(model, (x, y), epochs=2).dispatches()))
    expected = []
    for epoch in range(2):
        order = np.random.default_rng((4, epoch)).permutation(37)
        for start in range(0, 37, 8):
            chosen = order[start : start + 8]
            expected.append(reference.train_on_batch(x[chosen], y[chosen]))
            reference.reset_metrics()
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for ours, theirs in zip(model.weights, reference.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 8, 37, 50])
def test_every_sample_comes_up_once_an_epoch(batch_size):
    """With one weight, learning rate 1 and loss -w x the weight adds up what it was shown, batch by batch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(1.0), loss=None)
    x = (2.0 ** np.arange(12)).astype("float32")[:, None]

    class Sum(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return -y_pred

    training = Training(
        model, model.optimizer, Sum(reduction="sum"), (x, x), batch_size, epochs=3, steps_per_dispatch=5
    )
    steps = sum(len(losses) for losses in training.dispatches())
    assert steps == training.step == 3 * training.steps_per_epoch == 3 * -(-12 // batch_size)
    assert float(model.weights[0][0, 0]) == 3 * (2**12 - 1)


def test_goes_on_from_a_save_to_the_same_bits(tmp_path):
    train = regression()
    noise = keras.layers.GaussianNoise(0.3), keras.layers.BatchNormalization()
    whole = new_model(*noise)
    whole_losses = np.concatenate(list(new_training(whole, train).dispatches()))
    model, losses = new_model(keras.layers.GaussianNoise(0.3), keras.layers.BatchNormalization()), []
    training = new_training(model, train)
    while training.step < 3 * training.steps_per_epoch:
        losses.append(next(training.dispatches()))
        save_training(tmp_path / "a.keras", model, {"note": len(losses)})
        model, progress = load_training(tmp_path / "a.keras")
        assert progress == {"note": len(losses)}
        training = new_training(model, train)
    assert list(training.dispatches()) == []
    np.testing.assert_array_equal(np.concatenate(losses), whole_losses)
    for ours, theirs in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_seed_decides_order_and_noise():
    train = regression()
    runs = [
        np.concatenate(list(new_training(new_model(keras.layers.Dropout(0.5)), train, seed=seed).dispatches()))
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).mean() > 0.9


def test_regularizers_are_part_of_the_loss():
    x, y = regression()
    penalized = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(10.0))]
    )
    penalized.compile(keras.optimizers.SGD(0.0), keras.losses.MeanSquaredError())
    [first, *_] = next(new_training(penalized, (x, y), batch_size=37).dispatches())
    assert first == pytest.approx(penalized.evaluate(x, y, verbose=0), rel=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), keras.optimizers.SGD(0.1, loss_scale_factor=8.0)],
)
def test_an_optimizer_that_scales_the_loss_is_refused(optimizer):
    """The loop would divide gradients by a scale that it had not multiplied the loss by."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"`optimizer`. Expected one that does not scale the loss"):
        Training(model, optimizer, keras.losses.MeanSquaredError(), regression(), 8, epochs=1)


@pytest.mark.parametrize("name", ["batch_size", "epochs", "steps_per_dispatch"])
def test_numbers_of_steps_are_positive(name):
    with pytest.raises(ValueError, match=f"argument `{name}`. Expected an integer of at least 1"):
        new_training(new_model(), regression(), **{name: 0})
