"""The classification experiments are those of the papers, in their order, at their settings."""

import pytest

from experiments.catalogue import CATALOGUE
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from train.recipes import RECIPES

EXPERIMENTS = {experiment.name: experiment for experiment in CATALOGUE if experiment.classifies}
DROPS = ["none", "dropout", "spatial_dropout"]
ABLATIONS = ["magnified only", "focused only", "opposite only", "opposite", "gamma 0.3", "gamma 0.6", "gamma 0.9"]


def test_order():
    first = ["allcnn_c_two_rounds_cifar10", "allcnn_c_two_rounds_cifar100", "wrn20_4_cifar10", "wrn20_4_cifar100"]
    first += [
        f"{network}_{data}" for network in ("resnet20", "resnet56_bottleneck") for data in ("cifar10", "cifar100")
    ]
    assert list(EXPERIMENTS)[:9] == [*first, "resnet20_four_rounds"]
    larger = {name.rsplit("_", 1)[0] for name in list(EXPERIMENTS)[9:-2]}  # the last two are no paper's
    assert larger == {
        *("resnet110", "resnet110_bottleneck", "vgg19_bn", "densenet_bc100", "wrn20_8", "wrn28_10", "resnext29_8x64d"),
        *("densenet40_two_rounds", "resnet110_two_rounds"),
    }


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_arm_has_settings_that_go_together(name):
    experiment = EXPERIMENTS[name]
    earlier = set()
    for arm in experiment.arms:
        settings = with_usual_values(ClassifySettings(**(experiment.settings | arm.settings)))
        base = ClassifySettings(**experiment.settings)
        # What the images are and go through is read once for all arms.
        for key in ("dataset", "validation_samples", "train_samples", "preprocessing", "image_size"):
            assert getattr(settings, key) == getattr(base, key)
        assert not arm.after or arm.after in earlier
        assert not arm.after or settings.validation_samples != [0]
        earlier.add(arm.name)


@pytest.mark.parametrize(
    ("name", "count"), [("allcnn_c_two_rounds_cifar10", 1365), ("allcnn_c_two_rounds_cifar100", 1419)]
)
def test_data_dropout_has_its_controls_and_both_criteria(name, count):
    arms = {arm.name: arm for arm in EXPERIMENTS[name].arms}
    assert {arm.cap for arm in arms.values() if arm.after} == {None, count}
    assert {(arm.random, arm.cap) for arm in arms.values() if arm.after == "round 1"} == {
        *((False, None), (False, count), (True, None), (True, count)),
    }
    assert [arm.round for arm in arms.values()] == [1, 2, 2, 2, 2, 2]
    assert arms["data dropout, as printed"].paper.unfavorable == count


@pytest.mark.parametrize("data", ["cifar10", "cifar100"])
def test_arms_are_the_tables_columns(data):
    table = {"cifar10": "table1", "cifar100": "table2"}[data]
    wide = {arm.name: arm for arm in EXPERIMENTS[f"wrn20_4_{data}"].arms}
    assert list(wide) == [*DROPS, "spatial_scale", "select_scale"]
    for network, plain in (("resnet20", "resnet20"), ("resnet56_bottleneck", "resnet56")):
        arms = {arm.name: arm for arm in EXPERIMENTS[f"{network}_{data}"].arms}
        assert list(arms) == [*DROPS, "drop_block", "focused_dropout", *ABLATIONS]
        for name in list(arms)[:5]:
            assert arms[name].paper == RECIPES[f"focused_dropout/{table}/{plain}/{name}"].paper
        for name in ABLATIONS:
            settings = ClassifySettings(**arms[name].settings)
            assert (settings.model, settings.dataset) == (network, data)
            assert (arms[name].paper is not None) == ((network, data) == ("resnet56_bottleneck", "cifar100"))


def test_four_rounds_each_train_on_what_the_one_before_left_and_are_counted():
    arms = EXPERIMENTS["resnet20_four_rounds"].arms
    assert [arm.after for arm in arms] == ["", "round 1", "round 2", "round 3"]
    assert all(arm.counted and arm.cap is None and not arm.random for arm in arms)
    assert EXPERIMENTS["resnet20_four_rounds"].settings["augment"] == "none"
