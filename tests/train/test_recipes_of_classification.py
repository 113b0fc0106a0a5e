"""The classification recipes against the papers, typed a second time; and every network and placement of them."""

import ast
import dataclasses
import json
from functools import partial

import keras
import numpy as np
import pytest
from paper_tables import GROUPS

from tfdrop.data.augmentation.crop import RandomCrop
from tfdrop.data.augmentation.resized_crop import RandomResizedCrop
from tfdrop.models import build, networks, resnet, vgg
from tfdrop.models.densenet import DenseNet
from tfdrop.models.resnet import CifarResNet, ImageNetResNet
from tfdrop.models.resnext import ResNeXt
from tfdrop.models.wide_resnet import WideResNet
from tfdrop.tasks.classification.drop_layers import OPTIONAL, with_usual_values
from tfdrop.tasks.classification.networks import classification_loss, drops, optimizer, training_network
from tfdrop.tasks.classification.settings import ClassifySettings
from train.recipes import RECIPES, Paper
from train.recipes.cost import NETWORKS, training_minutes, trainings


def value(text):
    """A value as the typed tables have it."""
    if "," in text:
        return [value(part) for part in text.split(",")]
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def typed():
    """Yields `(name, settings, paper)` of every line that was typed from the papers."""
    for group in GROUPS:
        for line in group.lines.strip().splitlines():
            about, numbers = line.split(":")
            name, *pairs = about.split()
            settings = dict(pair.split("=") for pair in pairs)
            yield group.prefix + name, group.settings | {key: value(text) for key, text in settings.items()}, numbers


TYPED = {name: (settings, numbers) for name, settings, numbers in typed()}


def numbers_of(text):
    """The `Paper` numbers of a typed line: `5.22 ± 0.08`, `acc 91.48 ± 0.21`, `23.38 top5 6.78`, `5.09 count 1365`."""
    words = iter(text.replace("±", "spread").split())
    names = {"acc": "accuracy", "top5": "top5_error", "count": "unfavorable"}
    found = {}
    for word in words:
        if word[0].isdigit():
            found["error"] = float(word)
        else:
            found[names.get(word, word)] = ast.literal_eval(next(words))
    return found


def test_every_line_of_the_papers_has_a_recipe_and_every_recipe_a_line():
    assert sum(len(group.lines.strip().splitlines()) for group in GROUPS) == len(TYPED)
    assert set(RECIPES) == set(TYPED)


@pytest.mark.parametrize("name", TYPED)
def test_recipe_is_what_the_paper_says(name):
    expected, numbers = TYPED[name]
    recipe = RECIPES[name]
    settings = with_usual_values(ClassifySettings(**recipe.settings))
    assert settings.activation == "relu"
    found = dataclasses.asdict(settings)
    falls = [epoch if epoch >= 1 else epoch * settings.epochs for epoch in settings.learning_rate_drops]
    for key, wanted in expected.items():
        if key == "drops":
            assert falls == wanted
        elif key == "gamma" and wanted is not None:
            assert found[key] == (wanted if isinstance(wanted, list) else [wanted])
        else:
            assert found[key] == wanted, key
    printed = recipe.paper._replace(runs=None, best_epoch=False)
    assert printed == Paper(**numbers_of(numbers))
    focused = name.startswith("focused_dropout") and "imagenet" not in name and numbers.strip() != ""
    assert recipe.paper.best_epoch == focused
    assert recipe.paper.runs == (3 if focused else 5 if recipe.paper.spread else None)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_set_only_settings_of_their_types_in_their_ranges(name):
    fields = {field.name: field for field in dataclasses.fields(ClassifySettings)}
    for key, given in RECIPES[name].settings.items():
        about = fields[key].metadata
        for each in given if about["list_of"] else [given]:
            assert type(each) is (about["list_of"] or about["kind"]), key
            assert about["least"] is None or each >= about["least"], key
            assert about["most"] is None or each <= about["most"], key
            assert about["choices"] is None or each in about["choices"], key


def test_images_of_imagenet_are_cropped_as_each_paper_says():
    """Data Dropout, section IV-B, crops whole pixels; SelectScale's crops are resized."""
    kinds = {"data_dropout/table3/resnet18_imagenet": RandomCrop, "select_scale/table4/none": RandomResizedCrop}
    for name, kind in kinds.items():
        settings = with_usual_values(ClassifySettings(**{**RECIPES[name].settings, "model": "resnet8"}))
        network = training_network(settings, (256, 256, 3), 3, settings.rounds, steps=1)
        assert [type(layer) for layer in network.layers if "crop" in layer.name] == [kind]
        assert network.get_layer(index=2).output.shape[1:3] == (224, 224)


def test_the_influence_of_data_dropout_is_lissa_on_the_hessian():
    """Section III-A."""
    for name, recipe in RECIPES.items():
        if name.startswith("data_dropout/"):
            settings = ClassifySettings(**recipe.settings)
            assert (settings.influence, settings.influence_curvature) == ("lissa", "hessian")


def test_numbers_print_as_the_papers_have_them():
    assert str(Paper(error=5.4, spread=0.06, runs=5)) == "test error 5.40 ± 0.06 %, 5 runs"
    assert str(Paper(accuracy=91.48, best_epoch=True)) == "test accuracy 91.48 %, best epoch"
    assert str(Paper(error=5.09, unfavorable=1365)) == "test error 5.09 %, 1365 unfavorable"
    assert str(Paper(error=23.38, top5_error=6.78)) == "test error 23.38 %, top-5 error 6.78 %"
    assert str(Paper()) == "a curve only"


def test_names_sources_and_costs():
    for name, recipe in RECIPES.items():
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_./")
        assert recipe.source.split(",")[0].replace(" ", "").lower() == name.split("/")[0].replace("_", "")
        assert "estimate" in recipe.cost
        assert training_minutes(recipe.settings) > 0
    assert len({recipe.source for recipe in RECIPES.values()}) == len(RECIPES)
    two = RECIPES["data_dropout/table1/resnet110_two_rounds/cifar10"].settings
    assert trainings(two) == 4  # two rounds and two controls
    once = RECIPES["data_dropout/table1/resnet110/cifar10"].settings
    assert training_minutes(once) == training_minutes(two)
    assert training_minutes(once | {"epochs": 1000}) == pytest.approx(2 * training_minutes(once))


# A network's family at its smallest: sites and layers are those of the real one, numbers of maps and blocks are not.
SMALL = {
    "allcnn_c": networks.NETWORKS["allcnn_c"],
    "resnet20": partial(CifarResNet, 8, filters=4),
    "resnet56_bottleneck": partial(CifarResNet, 11, block="bottleneck", filters=4),
    "wrn28_10": partial(WideResNet, depth=10, widen=1),
    "resnext29_8x64d": partial(ResNeXt, depth=11, cardinality=2, width=4),
    "densenet40": partial(DenseNet, depth=7, growth_rate=4),
    "densenet_bc100": partial(DenseNet, depth=10, growth_rate=4, bottleneck=True),
    "vgg19_bn": networks.NETWORKS["vgg19_bn"],
    "resnet18_imagenet": partial(ImageNetResNet, "basic"),
    "resnet50_imagenet": partial(ImageNetResNet, "bottleneck"),
}
SMALL_IMAGENET = {kind: ((1, 1, 1, 1), kind) for kind in ("basic", "bottleneck")}  # one block a group
SMALL_VGG = ((1, 4), (1, 4), (1, 4), (1, 4), (1, 4))
FAMILY = {name: "resnet20" for name in ("resnet110", "resnet152", "wrn20_4", "wrn20_8")}
FAMILY |= {"resnet110_bottleneck": "resnet56_bottleneck", "resnet34_imagenet": "resnet18_imagenet"}
OF_THE_NETWORK = (
    *("drop", "placement", "rate", "top_rate", "block_size", "gamma", "inverted", "participation_rate"),
    *("magnified_weight_decay", "curriculum", "augment"),
)


def reduced(settings, round):
    """Settings with the smallest network of the family, and those that differ between its networks."""
    settings = dataclasses.replace(settings, model=FAMILY.get(settings.model, settings.model), epochs=2)
    if settings.crop_size:
        settings = dataclasses.replace(settings, crop_size=32)
    if not drops(settings, round):
        settings = dataclasses.replace(
            settings, drop="none", drop_until_round=0, curriculum=0.0, **dict.fromkeys(OPTIONAL)
        )
    kind = {name: getattr(settings, name) for name in OF_THE_NETWORK}
    # Numbers between 0 and 1 are covered by their extremes elsewhere: what matters is which layers there are.
    for name in ("rate", "top_rate", "participation_rate", "magnified_weight_decay", "curriculum"):
        kind[name] = bool(kind[name])
    kind["gamma"] = len(kind["gamma"] or [])
    return json.dumps([settings.model, bool(settings.crop_size), kind]), settings


def distinct():
    """The distinct small networks of all recipes and rounds, by what tells them apart."""
    found = {}
    for recipe in RECIPES.values():
        settings = with_usual_values(ClassifySettings(**recipe.settings))
        for round in {1, settings.rounds}:
            key, small = reduced(settings, round)
            found.setdefault(key, (small, round))
    return list(found.values())


def about(case):
    settings, round = case
    return f"{settings.model}-{settings.drop}-{settings.placement}-{settings.augment}-round{round}"


@pytest.mark.parametrize("case", distinct(), ids=about)
def test_one_training_step(case, monkeypatch):
    settings, round = case
    monkeypatch.setitem(networks.NETWORKS, settings.model, SMALL[settings.model])
    monkeypatch.setattr(resnet, "IMAGENET_GROUPS", SMALL_IMAGENET)
    monkeypatch.setattr(vgg, "GROUPS", SMALL_VGG)
    side = 40 if settings.crop_size else 16
    images = np.random.default_rng(0).normal(size=(4, side, side, 3)).astype("float32")
    keras.utils.set_random_seed(0)
    model = training_network(settings, images.shape[1:], 3, round, steps=4)
    # One step: compiling would take longer than running it.
    model.compile(optimizer(settings, steps_per_epoch=2), classification_loss(), run_eagerly=True)
    before = [np.array(weight) for weight in model.trainable_weights]
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 2, 0])))
    after = [np.array(weight) for weight in model.trainable_weights]
    assert all(np.isfinite(weight).all() for weight in after)
    assert all((old != new).any() for old, new in zip(before, after, strict=True) if old.ndim == 4)


# One of a family, as the large ones take seconds to build.
@pytest.mark.parametrize(
    "name", ["resnet20", "resnet56_bottleneck", "wrn20_8", "wrn28_10", "resnext29_8x64d", "vgg19_bn", "allcnn_c"]
)
def test_costs_are_those_of_the_networks(name):
    model = build(name, (32, 32, 3), 10, kernel_initializer="zeros")
    multiplications = 0
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            positions = np.prod(layer.output.shape[1:-1], dtype=int)
            multiplications += positions * np.prod(layer.kernel.shape)
    millions, layers = NETWORKS[name]
    assert millions == pytest.approx(multiplications / 1e6, rel=5e-3)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert layers <= len(convolutions) <= layers + 4  # shortcuts' projections stand beside the others
