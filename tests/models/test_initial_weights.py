"""Initial weights depend on the seed and the layer's name alone, whatever stands between the layers."""

import itertools

import keras
import numpy as np
import pytest

import tfdrop
from tfdrop.data.augmentation.policies import augmentation
from tfdrop.models import NETWORKS, PLACEMENTS, DnCNN, build, placement

DROP_LAYERS = {
    "dropout": lambda coin: keras.layers.Dropout(0.5),
    "spatial_dropout": lambda coin: keras.layers.SpatialDropout2D(0.1),
    "scheduled_dropout": lambda coin: tfdrop.layers.ScheduledDropout(tfdrop.schedules.linear(0, 0.5, 9)),
    "drop_block": lambda coin: tfdrop.layers.DropBlock2D(0.1),
    "spatial_scale": lambda coin: tfdrop.layers.SpatialScale(0.6),
    "selectout": lambda coin: tfdrop.layers.Selectout(0.1),
    "select_scale": lambda coin: tfdrop.layers.SelectScale(0.9),
    "focused_dropout": lambda coin: tfdrop.layers.FocusedDropout(),
    "focused_dropout with a shared coin": lambda coin: tfdrop.layers.FocusedDropout(participation_rate=coin),
}
# Networks as small as their templates allow.
SMALL = {
    "wrn28_10": {"depth": 10, "widen": 1},
    "resnext29_8x64d": {"depth": 11, "cardinality": 2, "width": 2},
    "densenet40": {"depth": 7, "growth_rate": 4},
    "densenet_bc100": {"depth": 10, "growth_rate": 4},
    "resnet56_bottleneck": {"filters": 1},
}
SMALL |= {name: {"filters": 1} for name in NETWORKS if name.startswith(("resnet", "wrn20")) and "_" not in name[6:]}
SMALL |= {name: {"filters": 1} for name in ("wrn20_4", "wrn20_8")}
# Deeper or wider ones of the same templates have the same layers, only more of them, and take seconds to build.
DEEPER = ("resnet32", "resnet56", "resnet110", "resnet152", "resnet110_bottleneck", "wrn20_8", "resnet34_imagenet")
SHAPE = (12, 12, 3)


def network(name, seed, drop_layers=(), place=None, augmented=False, **arguments):
    """Builds a network; its sites take the drop layers in turn."""
    coin = tfdrop.layers.Participation(0.1)
    kinds = itertools.cycle(drop_layers)
    drop = placement(place, lambda factor: DROP_LAYERS[next(kinds)](coin)) if place else None
    input_layers = [coin, *augmentation("crop")] if augmented else [coin] if drop else []
    arguments = SMALL.get(name, {}) | arguments
    return build(name, SHAPE, 4, drop=drop, input_layers=input_layers, seed=seed, **arguments)


def kernels(model):
    return {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, kernel in expected.items():
        np.testing.assert_array_equal(found[name], kernel, err_msg=name)


@pytest.fixture(scope="module")
def plain():
    return kernels(network("resnet8", seed=5, filters=2))


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("kind", DROP_LAYERS)
def test_every_drop_layer(kind, augmented, plain):
    found = network("resnet8", 5, [kind], "every_convolution", augmented, filters=2)
    assert_equal(kernels(found), plain)


def sites(name, place):
    """Tells whether a network offers a placement's sites."""
    if place == "group_convolutions":
        return name.startswith("resnext")
    return place != "last_two_groups" or not name.startswith("allcnn")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in DEEPER])
def test_every_network_with_all_drop_layers(name):
    expected = kernels(network(name, seed=5))
    # In the deepest networks a layer at every convolution would take seconds and show nothing new.
    place = "first_two_groups" if len(expected) > 40 else "every_convolution"
    assert_equal(kernels(network(name, 5, DROP_LAYERS, place, augmented=True)), expected)


@pytest.mark.parametrize("name", ["resnet8", "resnext29_8x64d", "wrn28_10", "densenet40", "allcnn_c"])
def test_another_seed_gives_other_weights(name):
    first = kernels(network(name, seed=5))
    for layer, kernel in kernels(network(name, seed=6)).items():
        assert (kernel != first[layer]).all(), layer


@pytest.mark.parametrize("name", ["resnet8", "resnext29_8x64d", "wrn28_10", "densenet40", "allcnn_c"])
def test_every_placement(name):
    expected = kernels(network(name, seed=5))
    for place in PLACEMENTS:
        if sites(name, place):
            assert_equal(kernels(network(name, 5, DROP_LAYERS, place)), expected)


def test_other_precision_and_decay_start_from_the_same_weights(plain):
    model = network("resnet8", 5, filters=2, weight_decay=5e-4, dtype="mixed_bfloat16")
    assert_equal(kernels(model), plain)


def test_the_global_random_state_has_no_say(plain):
    keras.utils.set_random_seed(99)
    keras.layers.Dropout(0.5)
    assert_equal(kernels(network("resnet8", 5, filters=2)), plain)


def test_without_a_seed_keras_draws(plain):
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        models.append(kernels(network("resnet8", None, filters=2)))
    assert_equal(*models)
    assert (models[0]["stem_conv"] != kernels(network("resnet8", None, filters=2))["stem_conv"]).all()


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("he_normal", lambda fan_in, fan_out: 2 / fan_in),
        ("glorot_uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (keras.initializers.RandomNormal(stddev=0.3, seed=7), lambda fan_in, fan_out: 0.09),
    ],
    ids=["he_normal", "glorot_uniform", "an initializer with a seed of its own"],
)
def test_draws_have_the_initializer_s_mean_and_variance_and_are_independent(initializer, variance):
    seeds = [kernels(network("resnet20", seed, filters=8, kernel_initializer=initializer)) for seed in (1, 2)]
    for kernel in seeds[0].values():
        *window, inputs, outputs = kernel.shape
        expected = variance(np.prod(window) * inputs, np.prod(window) * outputs)
        # Five standard errors; the fourth moment of a normal distribution is an upper bound for these.
        assert abs(kernel.mean()) < 5 * np.sqrt(expected / kernel.size)
        assert abs(kernel.var() / expected - 1) < 5 * np.sqrt(2 / kernel.size)
    by_shape = {}
    for kernel in itertools.chain(*(drawn.values() for drawn in seeds)):
        by_shape.setdefault(kernel.shape, []).append(kernel.ravel())
    assert max(map(len, by_shape.values())) >= 10
    for same in by_shape.values():
        # Layers of one shape, and one layer of two seeds, share nothing.
        correlations = np.corrcoef(same)[~np.eye(len(same), dtype=bool)]
        assert np.abs(correlations).max() < 5 / np.sqrt(same[0].size)


def test_dncnn():
    def built(seed):
        return kernels(DnCNN(depth=4, filters=8, seed=seed))

    first = built(1)
    keras.layers.Dropout(0.5)
    assert_equal(built(1), first)
    for name, kernel in built(2).items():
        assert (kernel != first[name]).all()
    assert (first["conv2"] != first["conv3"]).all()
    assert abs(first["conv2"].var() / (2 / 72) - 1) < 5 * np.sqrt(2 / first["conv2"].size)


def test_what_draws_nothing_stays_as_it_is():
    assert not kernels(network("resnet8", 5, kernel_initializer="zeros"))["logits"].any()
    ones = kernels(network("resnet8", 5, kernel_initializer=lambda shape, dtype: keras.ops.ones(shape, dtype)))
    assert (ones["logits"] == 1).all()


@pytest.mark.parametrize("seed", [-1, 1.5, "1"])
def test_bad_seeds(seed):
    for make in (lambda: build("resnet8", SHAPE, 4, seed=seed), lambda: DnCNN(seed=seed)):
        with pytest.raises(ValueError, match=f"`seed`. Expected an integer of at least 0. Received: seed={seed!r}"):
            make()
