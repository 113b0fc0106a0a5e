"""Every drop layer in models of every kind: compiled, saved, loaded, exported, and going on where it stopped."""

import drop_models
import keras
import numpy as np
import pytest
import tensorflow as tf
from drop_models import LAYERS
from keras import ops
from keras.src import testing

import tfdrop

EACH = pytest.mark.parametrize("name", LAYERS)


# Keras's own checks train on a generator, and a layer that has nothing to train.
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed", "ignore:The model does not have any trainable weights")
class KerasChecks(testing.TestCase):
    """Keras's own checks of a layer."""

    def run_checks(self, layer, arguments, shape=(4, 5, 6, 8)):
        for training in (False, True):
            self.run_layer_test(
                layer,
                init_kwargs={**arguments, "seed": 3},
                input_shape=shape,
                call_kwargs={"training": training},
                expected_output_shape=shape,
                expected_num_trainable_weights=0,
                expected_num_losses=0,
                supports_masking=True,
            )

    def test_spatial_scale(self):
        for shape in ((4, 7, 8), (4, 5, 6, 8), (2, 3, 4, 5, 8)):
            self.run_checks(tfdrop.layers.SpatialScale, {"rate": 0.5}, shape)

    def test_selectout(self):
        self.run_checks(tfdrop.layers.Selectout, {"rate": 0.1, "pool_size": 2})

    def test_select_scale(self):
        self.run_checks(tfdrop.layers.SelectScale, {"rate": tfdrop.schedules.linear(0.0, 0.9, 5), "top_rate": 0.3})

    def test_focused_dropout(self):
        self.run_checks(tfdrop.layers.FocusedDropout, {"participation_rate": 0.5, "gamma_per": "unit"})

    def test_drop_block(self):
        self.run_checks(tfdrop.layers.DropBlock2D, {"rate": 0.1})

    def test_participation(self):
        self.run_checks(tfdrop.layers.Participation, {"rate": 0.5})


@EACH
def test_gradient_is_the_factor_times_the_upstream_gradient(name):
    inputs, upstream = np.random.default_rng(1).normal(size=(2, 5, 6, 4, 10)).astype("float32")
    layer = LAYERS[name](seed=4)
    for _ in range(2):
        watched = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = layer(watched, training=True)
        gradient = tape.gradient(outputs, watched, output_gradients=upstream)
        np.testing.assert_allclose(gradient, outputs.numpy() / inputs * upstream, rtol=1e-5, atol=1e-6)


@EACH
def test_unknown_sizes(name):
    layer = LAYERS[name](seed=5)
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 6)
    run = tf.function(lambda maps: model(maps, training=True), input_signature=[tf.TensorSpec((None, None, None, 6))])
    known = LAYERS[name](seed=5)
    for shape in ((3, 5, 7, 6), (2, 1, 9, 6), (4, 1, 1, 6)):
        maps = np.random.default_rng(2).normal(size=shape).astype("float32")
        np.testing.assert_array_equal(run(maps), known(maps, training=True))
    assert run(np.zeros((0, 4, 4, 6), "float32")).shape == (0, 4, 4, 6)


@EACH
def test_compiled_with_xla_or_not_it_is_the_same(name):
    maps = np.random.default_rng(3).normal(size=(4, 6, 5, 12)).astype("float32")
    outputs = []
    for jit_compile in (False, True):
        layer = LAYERS[name](seed=6)
        layer.build(maps.shape)
        run = tf.function(lambda inputs, layer=layer: layer(inputs, training=True), jit_compile=jit_compile)
        outputs.append(np.stack([run(maps) for _ in range(5)]))
    np.testing.assert_allclose(*outputs, rtol=1e-6)
    assert len(np.unique(outputs[0].sum(axis=(1, 2, 3, 4)))) > 1


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_fit_in_mixed_precision(policy, jit_compile):
    keras.config.set_dtype_policy(policy)
    try:
        model = drop_models.compile_(drop_models.build("sequential", drop_models.all_layers()), jit_compile)
        losses = drop_models.fit(model, epochs=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(losses).all()
    assert [layer.step for layer in model.layers if layer.name.startswith("drop")] == [8] * 5


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_models_of_each_kind_train_alike_and_predict_without_drops(kind):
    model, plain = (drop_models.build(kind, drop_models.all_layers()) for _ in range(2))
    plain.set_weights(model.get_weights())
    other = drop_models.build("sequential", drop_models.all_layers())
    other.set_weights(model.get_weights())
    assert drop_models.fit(model, 2) == pytest.approx(drop_models.fit(other, 2), rel=1e-5)
    x, _ = drop_models.images()
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    # At test time with training=True, as in Fig. 3 of the paper.
    assert np.abs(ops.convert_to_numpy(plain(x, training=True)) - plain.predict(x, verbose=0)).max() > 1e-3


@pytest.mark.parametrize("layers", ["fixed", "scheduled"])
@pytest.mark.parametrize("how", [".keras", ".weights.h5"])
def test_goes_on_after_loading_as_if_never_interrupted(how, layers, tmp_path):
    make = {"fixed": drop_models.all_layers, "scheduled": drop_models.scheduled_layers}[layers]
    uninterrupted = drop_models.build("functional", make())
    start = uninterrupted.get_weights()
    drop_models.fit(uninterrupted)
    path = str(tmp_path / f"model{how}")
    if how == ".keras":
        uninterrupted.save(path)
        loaded = keras.saving.load_model(path)
    else:
        uninterrupted.save_weights(path)
        loaded = drop_models.build("functional", make())
        loaded.optimizer.build(loaded.trainable_variables)
        loaded.load_weights(path)
    assert drop_models.fit(loaded, 2) == drop_models.fit(uninterrupted, 2)
    for weight, expected, before in zip(loaded.weights, uninterrupted.weights, start, strict=True):
        np.testing.assert_array_equal(weight, expected)
        if weight.trainable:
            assert (np.asarray(weight) != before).any()
    for name in (layer.name for layer in make()):
        layer, expected = loaded.get_layer(name), uninterrupted.get_layer(name)
        assert layer.step == expected.step == 12
        assert layer.get_config() == expected.get_config()


def test_weights_saved_without_the_layers_load_into_a_model_with_them(tmp_path):
    plain = drop_models.build("functional", [keras.layers.SpatialDropout2D(0.1, name=f"drop_{n}") for n in LAYERS])
    plain.save_weights(tmp_path / "plain.weights.h5")
    model = drop_models.build("functional", drop_models.all_layers())
    model.load_weights(tmp_path / "plain.weights.h5")
    x, _ = drop_models.images()
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain.predict(x, verbose=0))


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_saved_model_export(kind, tmp_path):
    model = drop_models.build(kind, drop_models.all_layers())
    drop_models.fit(model)
    model.export(tmp_path / "exported", verbose=False)
    x, _ = drop_models.images()
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@EACH
def test_clones_share_nothing(name):
    model = drop_models.build("functional", [LAYERS[name](seed=8)])
    clone = drop_models.compile_(keras.models.clone_model(model))
    clone.set_weights(model.get_weights())
    assert drop_models.fit(clone) == drop_models.fit(model)
    assert not {id(variable) for variable in clone.variables} & {id(variable) for variable in model.variables}


def identity_network(layer):
    """A network that hands out what the layer makes of its inputs, and that learns nothing."""
    kernel = keras.layers.Dense(10, use_bias=False, kernel_initializer="identity")
    model = keras.Sequential([keras.Input((4, 4, 10)), layer, kernel])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    return model


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "FocusedDropout"])
def test_a_rate_changed_after_the_first_fit_takes_effect(name, tmp_path):
    layer = LAYERS[name](seed=9)
    model = identity_network(layer)
    maps = np.random.default_rng(5).normal(size=(8, 4, 4, 10)).astype("float32")
    losses = []
    for rate in (0.2, 0.0, 0.2):
        layer.rate = rate
        assert layer.rate == pytest.approx(rate)
        losses += model.fit(maps, maps, verbose=0).history["loss"]
    assert losses[0] > 0.001
    assert losses[1] == 0
    assert losses[2] > 0.001
    layer.rate = 0.3
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").layers[0].get_config()["rate"] == 0.3


def test_a_participation_rate_changed_after_the_first_fit_takes_effect():
    layer = LAYERS["FocusedDropout"](seed=9)
    model = identity_network(layer)
    maps = np.random.default_rng(5).normal(size=(8, 4, 4, 10)).astype("float32")
    losses = []
    for rate in (1.0, 0.0, 1.0):
        layer.participation.rate = rate
        losses += model.fit(maps, maps, verbose=0).history["loss"]
    assert losses[0] > 0.001
    assert losses[1] == 0
    assert losses[2] > 0.001


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_compiled_fit_follows_the_schedule(jit_compile):
    layer = tfdrop.layers.SpatialScale(tfdrop.schedules.piecewise([2, 4], [0.0, 0.5, 0.0]), seed=1)
    model = identity_network(layer)
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit_compile)
    maps = np.random.default_rng(5).normal(size=(8, 4, 4, 10)).astype("float32")
    dropping = [model.train_on_batch(maps, maps) > 0 for _ in range(6)]
    assert dropping == [False, False, True, True, False, False]
    assert layer.rate == 0
    assert layer.step == 6


def test_a_scheduled_rate_outside_the_range_is_clipped():
    layer = tfdrop.layers.Selectout(keras.optimizers.schedules.ExponentialDecay(5.0, 1, 0.5), top_rate=0.5)
    assert layer.rate == 0.5
    layer = tfdrop.layers.DropBlock2D(keras.optimizers.schedules.ExponentialDecay(5.0, 1, 0.5), block_size=1)
    assert np.isfinite(ops.convert_to_numpy(layer(np.ones((2, 4, 4, 3), "float32"), training=True))).all()


def test_a_scheduled_rate_cannot_be_assigned():
    layer = tfdrop.layers.SpatialScale(tfdrop.schedules.constant(0.5))
    with pytest.raises(ValueError, match="follows a schedule and cannot be assigned"):
        layer.rate = 0.1
