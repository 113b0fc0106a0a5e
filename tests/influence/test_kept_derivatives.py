"""What is compiled is kept with a model, and holds only as long as nothing has changed but weights."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers

from tfdrop.influence import total_influence
from tfdrop.influence.autodiff import DerivativeWarning
from tfdrop.influence.autodiff.tensorflow import Autodiff

STRENGTH = {"of all": 1.0}


class Scaled(layers.Layer):
    """Multiplies by a number of its own, by one in an object of its own, and by a global one."""

    def __init__(self):
        super().__init__()
        self.own, self.options, self.factors = 1.0, Options(), np.ones(3, "float32")

    def call(self, x):
        return keras.ops.tanh(x * self.own * self.options.strength * STRENGTH["of all"]) * self.factors


class Options:
    strength = 1.0


def small_model(activation="tanh"):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    x = layers.Dense(3, activation=activation, kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
    return keras.Model(inputs, layers.Dense(2)(Scaled()(layers.BatchNormalization()(x))))


def scores(model, loss="mse"):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 4)).astype("float32"), rng.normal(size=(10, 2)).astype("float32")
    arguments = {"loss": loss, "solver": "exact", "damping": 1.0, "curvature": "gauss_newton"}
    return total_influence(model, (x, y), (x[::-1], y[::-1]), **arguments, verbose=0).scores


@pytest.fixture
def traced(monkeypatch):
    """A list to which every tracing of a model's losses for its derivatives adds an element."""
    calls = []
    original = Autodiff._losses

    def counting(self, x, y):
        calls.append(tuple(x.shape))
        return original(self, x, y)

    monkeypatch.setattr(Autodiff, "_losses", counting)
    return calls


def test_a_second_computation_traces_nothing_and_has_the_same_bits(traced):
    model = small_model()
    first = scores(model)
    assert traced
    traced.clear()
    np.testing.assert_array_equal(scores(model), first)
    np.testing.assert_array_equal(scores(small_model()), first)
    assert traced  # the other model's
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    traced.clear()
    after_training = scores(model)
    assert not traced
    assert np.abs(after_training - first).max() > 1e-3 * np.abs(first).max()


def _set_activation(model):
    model.layers[1].activation = keras.activations.softplus


def _set_own_number(model):
    model.layers[3].own = 0.5


def _set_number_in_an_object(model):
    model.layers[3].options.strength = 0.5


def _set_an_element(model):
    model.layers[3].factors[1] = 0.5


def _set_regularizer(model):
    model.layers[1].kernel_regularizer.l2 = 0.7


def _replace_call(model):
    layer = model.layers[3]
    layer.call = lambda x: keras.ops.sin(x)


def _set_epsilon(model):
    model.layers[2].epsilon = 0.5


CHANGES = (
    *(_set_activation, _set_own_number, _set_number_in_an_object, _set_an_element, _set_regularizer, _replace_call),
    _set_epsilon,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_model_that_has_changed_has_the_scores_of_a_new_one(change):
    model, new = small_model(), small_model()
    before = scores(model)
    change(model)
    change(new)
    found = scores(model)
    np.testing.assert_array_equal(found, scores(new))
    assert np.abs(found - before).max() > 1e-3 * np.abs(before).max()


def test_a_change_that_nothing_of_the_model_tells_is_seen_in_its_losses(monkeypatch):
    model = small_model()
    before = scores(model)
    monkeypatch.setitem(STRENGTH, "of all", 0.5)
    found = scores(model)
    np.testing.assert_array_equal(found, scores(small_model()))
    assert np.abs(found - before).max() > 1e-3 * np.abs(before).max()


def test_a_layer_that_is_frozen_or_of_another_type_is_traced_anew():
    model, new = small_model(), small_model()
    before = scores(model)
    for each in (model, new):
        each.layers[1].trainable = False
    found = scores(model)
    np.testing.assert_array_equal(found, scores(new))
    assert np.abs(found - before).max() > 1e-3 * np.abs(before).max()
    for each in (model, new := small_model()):
        each.layers[1].trainable = True
        for layer in each.layers:
            layer.dtype_policy = "mixed_float16"
    halved = scores(model)
    np.testing.assert_array_equal(halved, scores(new))
    assert not np.array_equal(halved, before)


def test_losses_of_other_options_are_other_losses():
    model = small_model()
    few, many = (scores(model, keras.losses.Huber(delta)) for delta in (0.1, 1.0))
    np.testing.assert_array_equal(many, scores(small_model(), keras.losses.Huber(1.0)))
    assert np.abs(many - few).max() > 0.1 * np.abs(many).max()


def test_a_loss_of_the_same_options_is_the_same(traced):
    model = small_model()
    first = scores(model, keras.losses.Huber(0.3))
    traced.clear()
    np.testing.assert_array_equal(scores(model, keras.losses.Huber(0.3)), first)
    assert not traced


def test_a_function_whose_closure_has_changed_is_another_loss():
    model = small_model()
    weight = 1.0

    def weighted_error(y_true, y_pred):
        return weight * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

    before, weight = scores(model, weighted_error), 0.1
    found = scores(model, weighted_error)
    np.testing.assert_array_equal(found, scores(small_model(), weighted_error))
    assert np.abs(found - before).max() > 0.1 * np.abs(before).max()


def test_what_is_computed_another_way_is_said_each_time():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1, 1, 4)), layers.Conv2D(2, 1, groups=2), layers.Flatten()])
    x, y = np.random.default_rng(0).normal(size=(6, 1, 1, 4)).astype("float32"), np.ones((6, 2), "float32")
    messages = []
    for _ in range(2):
        with pytest.warns(DerivativeWarning, match=r"reverse over reverse.*\(Conv2D\)") as said:
            total_influence(model, (x, y), (x, y), loss="mse", solver="exact", damping=0.1, verbose=0)
        messages.append([str(warning.message) for warning in said if warning.category is DerivativeWarning])
    assert messages[0] == messages[1]
    assert len(messages[0]) == 1


def test_several_outputs_are_joined_once_and_traced_once(traced):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(2)(inputs), layers.Dense(1)(inputs)])
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    data = (x, [x[:, :2], x[:, :1]])

    def found(loss):
        arguments = {"loss": loss, "solver": "exact", "damping": 0.1, "curvature": "gauss_newton", "verbose": 0}
        return total_influence(model, data, data, **arguments).scores

    first = found(["mse", "mae"])
    assert traced
    traced.clear()
    np.testing.assert_array_equal(found(["mse", "mae"]), first)
    assert not traced
    assert not np.allclose(found(["mse", "mse"]), first)


def test_a_model_is_let_go_and_saved_without_what_is_kept(tmp_path):
    model = small_model()
    model.save_weights(tmp_path / "before.weights.h5")
    scores(model)
    model.save_weights(tmp_path / "after.weights.h5")
    sizes = [(tmp_path / f"{name}.weights.h5").stat().st_size for name in ("before", "after")]
    assert sizes[0] == sizes[1]
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
