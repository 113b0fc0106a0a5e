"""One coin a batch: for every FocusedDropout in a model, and for its weight decay."""

import re
import textwrap

import drop_references
import keras
import numpy as np
import participants
import pytest
from keras import ops

import tfdrop


def coins(first, count):
    """The coins of some steps, from the NumPy reference."""
    return np.array(
        [drop_references.noise(participants.SEED, step, ()) < participants.RATE for step in range(first, count)]
    )


def expected_decays(tossed):
    return np.where(tossed, participants.MAGNIFIED, participants.DECAY)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_layers_and_decay_see_the_same_coin(jit_compile):
    model = participants.build(jit_compile=jit_compile)
    decays = participants.take_steps(model, 30)
    tossed = coins(0, 30)
    assert 5 < tossed.sum() < 25
    np.testing.assert_allclose(decays, expected_decays(tossed), rtol=1e-4)
    for name, participated in participants.histories(model, 30).items():
        np.testing.assert_array_equal(participated, tossed, err_msg=name)


def test_in_one_compiled_fit():
    model = participants.build()
    kernel = model.get_layer("idle").kernel
    before = np.array(kernel)
    x, y = participants.data()
    model.fit(x, y, batch_size=2, epochs=1, shuffle=False, verbose=0)
    tossed = coins(0, 30)
    for participated in participants.histories(model, 30).values():
        np.testing.assert_array_equal(participated, tossed)
    shrunk = np.prod(1 - participants.LEARNING_RATE * expected_decays(tossed))
    np.testing.assert_allclose(np.array(kernel), before * shrunk, rtol=1e-4)


def test_only_the_gradient_is_magnified():
    losses = {}
    for rate in (0.0, 1.0):
        model = participants.build(rate)
        model.get_layer("idle").kernel.assign(np.ones((1, 1, 2, 2)))
        model(np.ones((1, 5, 5, 2), "float32"), training=True)
        losses[rate] = float(sum(model.losses))
    assert losses[0.0] == pytest.approx(0.5 * participants.DECAY * 4)
    assert losses[1.0] == pytest.approx(losses[0.0])


@pytest.mark.parametrize("how", ["clone", ".keras", ".weights.h5", "from_config"])
def test_the_coin_stays_one_through_saving_and_cloning(how, tmp_path):
    model = participants.build()
    participants.take_steps(model, 7)
    if how == ".keras":
        model.save(tmp_path / "model.keras")
        copy, seen = keras.saving.load_model(tmp_path / "model.keras"), 7
    elif how == ".weights.h5":
        model.save_weights(tmp_path / "model.weights.h5")
        copy, seen = participants.build(), 7
        copy.load_weights(tmp_path / "model.weights.h5")
    else:
        copy = keras.models.clone_model(model) if how == "clone" else keras.Model.from_config(model.get_config())
        copy.compile(keras.optimizers.SGD(participants.LEARNING_RATE), "mse")
        seen = 0
    for count in (9, 4):
        np.testing.assert_allclose(
            participants.take_steps(copy, count), expected_decays(coins(seen, seen + count)), rtol=1e-4
        )
        for participated in participants.histories(copy, count).values():
            np.testing.assert_array_equal(participated, coins(seen, seen + count))
        # The model that was copied goes its own way.
        assert model.get_layer("coin").step == 7
        seen += count
    decays = participants.take_steps(model, 5)
    np.testing.assert_allclose(decays, expected_decays(coins(7, 12)), rtol=1e-4)


def test_layers_without_a_shared_coin_toss_their_own():
    layers = [tfdrop.layers.FocusedDropout(participation_rate=0.5, seed=seed) for seed in (1, 2)]
    maps = np.random.default_rng(0).uniform(0.01, 2, size=(1, 9, 9, 2)).astype("float32")
    participated = np.array(
        [[(ops.convert_to_numpy(layer(maps, training=True)) != maps).any() for layer in layers] for _ in range(30)]
    )
    for column, seed in zip(participated.T, (1, 2), strict=True):
        np.testing.assert_array_equal(column, [drop_references.noise(seed, step, ()) < 0.5 for step in range(30)])
    assert (participated[:, 0] != participated[:, 1]).any()


def test_the_docstring_s_example_works():
    example = textwrap.dedent(re.search(r"```python\n(.*?)```", tfdrop.layers.Participation.__doc__, re.DOTALL)[1])
    generator = np.random.default_rng(0)
    names = {"images": generator.normal(size=(64, 32, 32, 3)), "labels": generator.integers(0, 10, 64)}
    exec(f"import keras, tfdrop\n{example}", names)
    assert names["participation"].step == 2
    assert [layer.name for layer in names["model"].layers if isinstance(layer, tfdrop.layers.FocusedDropout)]


def test_magnified_decay_alone():
    """Table 4's "randomly MWD": the same model without a FocusedDropout."""
    participation = tfdrop.layers.Participation(0.5, seed=3)
    decay = tfdrop.layers.MagnifiedWeightDecay(participation)
    dense = keras.layers.Dense(4, use_bias=False, kernel_regularizer=decay)
    model = keras.Sequential([keras.Input((4,)), participation, dense])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    seen = []
    for _ in range(12):
        before = np.array(dense.kernel)
        model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 4)))
        seen.append(np.mean(1 - np.array(dense.kernel) / before))
    tossed = np.array([drop_references.noise(3, step, ()) < 0.5 for step in range(12)])
    np.testing.assert_allclose(seen, np.where(tossed, 1e-3, 5e-4), atol=1e-6)


def test_structures_pass_through():
    participation = tfdrop.layers.Participation(0.5, seed=1)
    tensors = {"image": np.ones((2, 3, 3, 1), "float32"), "size": np.ones((2, 1), "float32")}
    outputs = participation(tensors, training=True)
    assert outputs.keys() == tensors.keys()
    assert participation.step == 1


@pytest.mark.parametrize("reader", ["decay", "layer"])
def test_a_coin_that_no_model_tosses_is_an_error(reader):
    participation = tfdrop.layers.Participation(0.5, name="forgotten")
    if reader == "decay":
        layer = keras.layers.Dense(2, kernel_regularizer=tfdrop.layers.MagnifiedWeightDecay(participation))
    else:
        layer = tfdrop.layers.FocusedDropout(participation_rate=participation, data_format="channels_last")

    def train():
        layer(np.ones((2, 3, 3), "float32"), training=True)
        return layer.losses

    with pytest.raises(ValueError, match="'forgotten' is read, but the layer is not part of the model"):
        train()


def test_a_layer_made_from_a_config_needs_its_participation():
    config = participants.build().get_layer("short").get_config()
    config["participation_rate"] = {"shared_with": "never made"}
    with pytest.raises(ValueError, match="no Participation layer named 'never made'"):
        tfdrop.layers.FocusedDropout.from_config(config)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"participation": 0.1}, "`participation`. Expected a Participation layer. Received: participation=0.1"),
        ({"weight_decay": -1}, "`weight_decay`. Expected a float of at least 0. Received: weight_decay=-1"),
        ({"magnified": "big"}, "`magnified`. Expected a finite number. Received: magnified='big'"),
    ],
)
def test_bad_arguments_of_the_decay(arguments, message):
    arguments = {"participation": tfdrop.layers.Participation(), **arguments}
    with pytest.raises(ValueError, match=re.escape(f"Invalid value received for argument {message}")):
        tfdrop.layers.MagnifiedWeightDecay(**arguments)
