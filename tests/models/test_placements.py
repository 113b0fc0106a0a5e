"""Where drop layers stand: the papers' placements in their networks, and any function of one's own."""

import re

import keras
import numpy as np
import pytest
from programs import run_on_jax

import tfdrop
from tfdrop.models import PLACEMENTS, build, placement

SHAPE, CLASSES = (8, 8, 1), 3


def small(name="resnet8", **arguments):
    return build(name, SHAPE, CLASSES, **({"filters": 4} if name == "resnet8" else {}) | arguments)


def before(layer):
    """The names of the layers that hand something to a layer."""
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def neighbours(model):
    """For each drop layer the layer before it and the layers behind it."""
    drops = [layer.name for layer in model.layers if layer.name.endswith("_drop")]
    return {
        drop: (*before(model.get_layer(drop)), *(other.name for other in model.layers[1:] if drop in before(other)))
        for drop in drops
    }


def dropout(factor):
    return keras.layers.Dropout(0.2 * factor)


# How many layers each of the papers' placements puts into their networks, counted by hand: convolutions by depth.
COUNTS = {
    # All convolutions: the depth less the dense layer, and the projections on top.
    ("every_convolution", "resnet110"): 109,
    ("every_convolution", "wrn20_4"): 19,
    ("every_convolution", "wrn28_10"): 28,
    ("every_convolution", "vgg19_bn"): 16,
    ("every_convolution", "allcnn_c"): 9,
    ("every_convolution", "resnet50_imagenet"): 49 + 4,
    ("every_convolution_but_first", "densenet40"): 38,
    ("every_convolution_but_first", "densenet_bc100"): 98,
    # Three blocks in each of three groups.
    ("group_convolutions", "resnext29_8x64d"): 2 * 9,
    # Six and three bottlenecks of three convolutions, and a projection in each group.
    ("last_two_groups", "resnet50_imagenet"): 6 * 3 + 1 + 3 * 3 + 1,
    **{("penultimate_group", name): 1 for name in ("resnet20", "vgg19_bn", "densenet_bc100", "resnet50_imagenet")},
    **{("first_two_groups", name): 2 for name in ("resnet56_bottleneck", "vgg19_bn", "densenet_bc100", "wrn28_10")},
}


@pytest.mark.parametrize(("name", "network"), COUNTS)
def test_number_of_layers(built, name, network):
    chosen = [site for site in built(network).sites if PLACEMENTS[name](site) is not None]
    assert len(chosen) == COUNTS[name, network]


@pytest.mark.parametrize(("network", "groups"), [("resnet20", 3), ("vgg19_bn", 5), ("resnet50_imagenet", 4)])
def test_groups_of_sites(built, network, groups):
    sites = built(network).sites
    assert {site.groups for site in sites} == {groups}
    assert [site.group for site in sites if site.position == "group_output"] == list(range(1, groups + 1))
    [penultimate] = filter(PLACEMENTS["penultimate_group"], sites)
    assert penultimate.group == groups - 1
    assert [site.group for site in sites if PLACEMENTS["first_two_groups"](site)] == [1, 2]


@pytest.mark.parametrize("network", ["resnet110", "wrn28_10", "densenet_bc100", "vgg19_bn", "resnet50_imagenet"])
def test_sites_number_the_convolutions(built, network):
    model, sites = built(network)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for position in ("before_convolution", "after_convolution"):
        there = [site for site in sites if site.position == position]
        assert [site.convolution for site in there] == list(range(1, len(convolutions) + 1))
        assert {site.name for site in there} == {layer.name for layer in convolutions}
    norms = [layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {site.name for site in sites if site.position == "after_batch_norm"} == set(norms)


def test_the_third_group_s_rate_is_halved(built):
    factors = {}
    for site in built("resnet50_imagenet").sites:
        factors.setdefault(site.group, set()).add(PLACEMENTS["last_two_groups"](site))
    assert factors == {0: {None}, 1: {None}, 2: {None}, 3: {0.5, None}, 4: {1.0, None}}
    model = build("resnet18_imagenet", SHAPE, CLASSES, drop=placement("last_two_groups", dropout))
    rates = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {
        f"group{group}_block{block}_conv{index}_bn_drop": 0.1 if group == 3 else 0.2
        for group in (3, 4)
        for block in (1, 2)
        for index in (1, 2)
    }


def test_every_convolution_of_a_resnet():
    """Behind what belongs to the convolution: its normalization and its ReLU, but not the ReLU of a sum."""
    found = neighbours(small(drop=placement("every_convolution", dropout)))
    assert found.pop("stem_conv_drop") == ("stem_conv_relu", "group1_block1_conv1", "group1_block1_add")
    for group in (1, 2, 3):
        block = f"group{group}_block1"
        behind = f"{block}_conv2"
        assert found.pop(f"{block}_conv1_drop") == (f"{block}_conv1_relu", behind)
        assert found.pop(f"{block}_conv2_drop") == (f"{block}_conv2_bn", f"{block}_add")
    assert not found


def test_every_convolution_but_the_first_of_a_densenet():
    found = neighbours(small("densenet40", depth=7, drop=placement("every_convolution_but_first", dropout)))
    assert found == {
        "group1_block1_conv1_drop": ("group1_block1_conv1", "group1_block1_concat"),
        "group1_transition_drop": ("group1_transition", "group1_transition_pool"),
        "group2_block1_conv1_drop": ("group2_block1_conv1", "group2_block1_concat"),
        "group2_transition_drop": ("group2_transition", "group2_transition_pool"),
        "group3_block1_conv1_drop": ("group3_block1_conv1", "group3_block1_concat"),
    }


def test_around_group_convolutions():
    arguments = {"depth": 11, "cardinality": 2, "width": 2}
    found = neighbours(small("resnext29_8x64d", drop=placement("group_convolutions", dropout), **arguments))
    assert len(found) == 6
    # The convolution with a stride is padded first.
    for group, entry in ((1, "conv2"), (2, "conv2_pad"), (3, "conv2_pad")):
        block = f"group{group}_block1"
        assert found[f"{block}_conv2_input_drop"] == (f"{block}_conv1_relu", f"{block}_{entry}")
        assert found[f"{block}_conv2_drop"] == (f"{block}_conv2_relu", f"{block}_conv3")


@pytest.mark.parametrize(
    ("name", "network", "expected"),
    [
        ("penultimate_group", "resnet8", {"group2_drop": "group2_block1_relu"}),
        ("first_two_groups", "resnet8", {"group1_drop": "group1_block1_relu", "group2_drop": "group2_block1_relu"}),
        # What halves the resolution belongs to the next group.
        ("penultimate_group", "vgg19_bn", {"group4_drop": "group4_conv4_relu"}),
        ("penultimate_group", "densenet40", {"group2_drop": "group2_block12_concat"}),
    ],
)
def test_outputs_of_groups(name, network, expected):
    found = neighbours(small(network, drop=placement(name, dropout), kernel_initializer="zeros"))
    assert {drop: names[0] for drop, names in found.items()} == expected


def test_dropout_of_all_cnn_s_own_paper():
    """As its docstring has it: 20 % of the images, 50 % behind each convolution with a stride."""
    drop = placement("first_two_groups", lambda factor: keras.layers.Dropout(0.5 * factor))
    model = build("allcnn_c", (9, 9, 3), 3, drop=drop, input_layers=[keras.layers.Dropout(0.2, name="images_drop")])
    assert {drop: names[0] for drop, names in neighbours(model).items()} == {
        "images_drop": "images",
        "group1_drop": "group1_conv3_relu",
        "group2_drop": "group2_conv3_relu",
    }


def test_a_function_of_one_s_own():
    def drop(site):
        if site.group == 2 and site.block == 1 and site.position == "before_convolution":
            return keras.layers.SpatialDropout2D(0.1, name=f"{site.name}_mine_drop")
        return None

    assert {name: names[0] for name, names in neighbours(small(drop=drop)).items()} == {
        "group2_block1_conv1_mine_drop": "group1_block1_relu",
        "group2_block1_conv2_mine_drop": "group2_block1_conv1_relu",
    }


def test_a_placement_without_a_site_is_an_error():
    with pytest.raises(ValueError, match=r"`drop`.*a site in the network 'vgg19_bn'. Received: drop='group_convolu"):
        build("vgg19_bn", SHAPE, CLASSES, drop=placement("group_convolutions", dropout), kernel_initializer="zeros")
    with pytest.raises(ValueError, match="a site in the network 'allcnn_c'"):
        build("allcnn_c", (9, 9, 3), CLASSES, drop=placement("last_two_groups", dropout))


def test_what_is_no_new_layer_is_an_error():
    same = keras.layers.Dropout(0.1)
    for layer in (same, 0.1):
        with pytest.raises(ValueError, match=r"`drop`. Expected a function from a site to a new layer or None"):
            small(drop=lambda site, layer=layer: layer)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("every_conv", "'every_convolution', 'every_convolution_but_first'"),
        ("penultimate", "'penultimate_group'"),
        ("?", "'every_convolution', 'every_convolution_but_first', 'group_convolutions', 'last_two_groups'"),
    ],
)
def test_unknown_placement(name, offered):
    with pytest.raises(ValueError, match=re.escape(f"argument `placement`. Expected one of {offered}")):
        placement(name, dropout)


def mixed():
    """A network with all that the papers put into theirs; every batch takes part in FocusedDropout."""
    coin = tfdrop.layers.Participation(1.0, seed=1, name="coin")
    focus = placement(
        "first_two_groups", lambda factor: tfdrop.layers.FocusedDropout(participation_rate=coin, seed=2, gamma=0.9)
    )
    scale = placement("every_convolution", lambda factor: tfdrop.layers.SelectScale(factor, seed=3))
    decay = tfdrop.layers.MagnifiedWeightDecay(coin, 5e-4, magnified=1e-3)
    return small(
        drop=lambda site: focus(site) or scale(site),
        weight_decay=decay,
        input_layers=[coin, keras.layers.Activation("tanh")],
    )


def data():
    random = np.random.default_rng(0)
    return random.normal(size=(12, *SHAPE)).astype("float32"), random.integers(0, CLASSES, 12)


ON_JAX = """
import sys
sys.path += ["tests", "tests/models"]
import keras
import numpy as np
import test_placements
folder = sys.argv[1]
assert keras.backend.backend() == "jax" and sys.modules["tensorflow"] is None
x, _ = test_placements.data()
model = test_placements.mixed()
model.load_weights(f"{folder}/trained.weights.h5")
np.save(f"{folder}/logits.npy", model.predict(x, verbose=0))
"""


def test_trained_saved_loaded_and_the_same_on_jax(tmp_path):
    x, y = data()
    model = mixed()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)  # tracing takes longer than the two steps
    model.fit(x, y, batch_size=6, verbose=0)
    assert float(model.get_layer("group2_drop").kept_share) < 0.9
    model.save(tmp_path / "trained.keras")
    model.save_weights(tmp_path / "trained.weights.h5")
    logits = np.asarray(model(x))
    loaded = keras.saving.load_model(tmp_path / "trained.keras")
    np.testing.assert_allclose(loaded(x), logits, rtol=1e-5, atol=1e-6)
    # The coin of the loaded model is one for its layers and its decay, and another than the first model's.
    coin = loaded.get_layer("coin")
    assert coin is not model.get_layer("coin")
    assert loaded.get_layer("group1_drop").participation is coin
    assert loaded.get_layer("stem_conv").kernel_regularizer.participation is coin
    (tmp_path / "script.py").write_text(ON_JAX)
    finished = run_on_jax(tmp_path / "script.py", tmp_path)
    assert finished.returncode == 0, finished.stderr
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), logits, rtol=1e-4, atol=1e-5)
