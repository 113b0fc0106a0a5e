"""Settings check themselves when they are made, so that experiments cannot pass the checks by."""

import dataclasses

import pytest

from tfdrop.errors import UserError
from tfdrop.models import NETWORKS
from tfdrop.models.sizes import NETWORKS as SIZES
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising.settings import DenoiseSettings


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (ClassifySettings, {"rate": 7.0}, "--rate=7.0: expected at most 1"),
        (ClassifySettings, {"drop": "no_such"}, "--drop=no_such: unknown"),
        (ClassifySettings, {"model": "resnet21"}, "--model=resnet21: unknown; did you mean resnet"),
        (ClassifySettings, {"drop": "selectout", "rate": 0.3}, "--rate=0.3: more than --top_rate=0.2"),
        (ClassifySettings, {"epochs": 2.5}, "--epochs=2.5: expected a value of type int"),
        (ClassifySettings, {"count_last": 1}, "--count_last=1: expected a value of type bool"),
        (ClassifySettings, {"keep_epochs": [1, 11]}, "--keep_epochs=1,11: expected at most --epochs=10"),
        (ClassifySettings, {"keep_epochs": [1], "max_drop": "auto"}, "--keep_epochs=1: not with --max_drop=auto"),
        (ClassifySettings, {"epochs": True}, "--epochs=True: expected a value of type int"),
        (ClassifySettings, {"validation_samples": [0]}, "--validation_samples=0: --rounds=2 needs some"),
        (ClassifySettings, {"augment": "crop", "augment_from_round": 0}, "--augment=crop: never"),
        (DenoiseSettings, {"sigma": float("nan")}, "--sigma=nan: expected a finite number"),
        (DenoiseSettings, {"max_drop": 1.5}, "--max_drop=1.5: expected a share up to 1 or a whole number"),
        (ClassifySettings, {"max_drop": "many"}, "--max_drop=many: expected a number or auto"),
        (ClassifySettings, {"max_drop": "nan"}, "--max_drop=nan: expected a finite number"),
        (ClassifySettings, {"max_drop": "-1"}, "--max_drop=-1.0: expected at least 0"),
        (ClassifySettings, {"max_drop": "auto", "rounds": 3}, "--max_drop=auto: for two rounds, not --rounds=3"),
        (ClassifySettings, {"max_drop": "auto", "trial_seeds": 1}, "--trial_seeds=1: expected at least 2"),
        (DenoiseSettings, {"influence_damping": "-2"}, "--influence_damping=-2: expected a finite number of at least"),
        (DenoiseSettings, {"evaluate_only": True}, "--weights=: needed by --evaluate_only"),
    ],
)
def test_what_is_out_of_range_or_at_odds_is_named(kind, given, message):
    with pytest.raises(UserError) as caught:
        kind(**given)
    assert str(caught.value).startswith(message)
    with pytest.raises(ValueError, match="--"):
        dataclasses.replace(kind(), **given)


@pytest.mark.parametrize("kind", [ClassifySettings, DenoiseSettings])
def test_the_cap_of_the_criterion(kind):
    assert kind(max_drop=1.0).cap is None
    assert kind(max_drop=0.25).cap == 0.25
    most = kind(max_drop=40.0).cap
    assert (most, type(most)) == (40, int)
    assert kind(max_drop=0.0).cap == 0
    assert (kind(max_drop="0.25").cap, kind(max_drop="40").cap, kind(max_drop="1").cap) == (0.25, 40, None)
    assert not kind(max_drop="1").chooses_cap
    assert kind(max_drop="auto").chooses_cap


@pytest.mark.parametrize(
    ("given", "rank_by"),
    [
        ({}, "influence"),
        ({"max_drop": "auto"}, "auto"),
        ({"max_drop": "auto", "rank_by": "aum"}, "aum"),
        ({"max_drop": "auto", "curve": [10]}, "influence"),
        ({"max_drop": "auto", "rounds": 1, "augment_from_round": 1}, "influence"),
    ],
)
def test_trials_choose_the_ranking_unless_it_is_given(given, rank_by):
    assert ClassifySettings(**given).rank_by == rank_by


def test_the_names_of_networks_are_known_without_building_any():
    assert set(SIZES) == set(NETWORKS)
