"""The drop layers that a classification run can have: what each takes, and its usual values."""

import dataclasses

from tfdrop.errors import UserError

EVERYWHERE = {"placement": "every_convolution"}  # SelectScale, section 3.1
POOLING = {"pool_size": "", "pool_strides": 0}  # none before the maximum

# The papers' usual values: SelectScale's Tables 1 and 2, FocusedDropout's section 5.
DROPS = {
    "none": {},
    "dropout": {**EVERYWHERE, "rate": 0.1},
    "spatial_dropout": {**EVERYWHERE, "rate": 0.1},
    "drop_block": {"placement": "first_two_groups", "rate": 0.1, "block_size": 7},
    "spatial_scale": {**EVERYWHERE, "rate": 0.6},
    "selectout": {**EVERYWHERE, "rate": 0.02, "top_rate": 0.2, **POOLING},
    "select_scale": {**EVERYWHERE, "rate": 0.9, "top_rate": 0.2, **POOLING},
    "focused_dropout": {
        **{"placement": "penultimate_group", "gamma": [0.3, 0.6], "gamma_per": "sample"},
        "participation_rate": 0.1,
    },
}
OPTIONAL = sorted({name for usual in DROPS.values() for name in usual})
# What belongs to one kind of drop layer: a recipe whose --drop is overridden loses these settings with it.
OF_A_DROP = (*OPTIONAL, "inverted", "magnified_weight_decay", "curriculum", "drop_until_round")
BELOW_ONE = ("dropout", "spatial_dropout", "drop_block", "selectout")  # these divide by the share that is kept


def with_usual_values(settings):
    """Returns the settings with the usual values of their drop layer where none are given."""
    takes = _takes(settings)
    return dataclasses.replace(settings, **{name: takes[name] for name in takes if getattr(settings, name) is None})


def check_drop(settings):
    """Checks what concerns the drop layers.

    Raises:
        UserError: If a setting is given that the drop layer does not have, or settings are at odds.
    """
    takes = _takes(settings)
    for name in OPTIONAL:
        if (value := getattr(settings, name)) is not None and name not in takes:
            raise UserError(f"--{name}={_text(value)}: not of --drop={settings.drop}")
    given = {name: getattr(settings, name) for name in OPTIONAL if getattr(settings, name) is not None}
    _check_together(settings, takes | given)


def _takes(settings):
    """Returns the names of the settings that these kinds of drop have, with their usual values."""
    takes = dict(DROPS[settings.drop])
    if settings.magnified_weight_decay:
        takes.setdefault("participation_rate", 0.1)
    if settings.test_drop != "none":
        at_test = {name: value for name, value in DROPS[settings.test_drop].items() if name != "rate"}
        takes = {**at_test, **takes}
    return takes


def _check_together(settings, values):
    drop = settings.drop
    if settings.curriculum and "rate" not in DROPS[drop]:
        raise UserError(f"--curriculum={settings.curriculum}: --drop={drop} has no rate")
    if settings.inverted and drop != "focused_dropout":
        raise UserError(f"--inverted: not of --drop={drop}")
    if settings.drop_until_round and drop == "none":
        raise UserError(f"--drop_until_round={settings.drop_until_round}: there is no --drop")
    if bool(settings.test_rates) != (settings.test_drop != "none"):
        raise UserError(f"--test_rates={_text(settings.test_rates)}: goes with --test_drop, and that needs it")
    if settings.test_drop != "none" and "rate" not in DROPS[settings.test_drop]:
        raise UserError(f"--test_drop={settings.test_drop}: has no rate")
    rate, top_rate, gamma = (values.get(name) for name in ("rate", "top_rate", "gamma"))
    _check_rates("rate", drop, [] if rate is None else [rate], top_rate)
    _check_rates("test_rates", settings.test_drop, settings.test_rates, top_rate)
    _check_pooling(values.get("pool_size"), values.get("pool_strides"))
    if gamma is not None and (len(gamma) not in (1, 2) or gamma[0] > gamma[-1] or gamma[-1] >= 1):
        raise UserError(f"--gamma={_text(gamma)}: expected one number below 1, or two in increasing order")


def _check_pooling(pool_size, pool_strides):
    if pool_size and pool_size != "global" and not (pool_size.isdecimal() and int(pool_size) > 0):
        raise UserError(f"--pool_size={pool_size}: expected a whole number of at least 1, or global")
    if pool_strides and not (pool_size and pool_size != "global"):
        raise UserError(f"--pool_strides={pool_strides}: needs a --pool_size that is a number")


def _check_rates(name, drop, rates, top_rate):
    for rate in rates:
        if drop in BELOW_ONE and rate >= 1:
            raise UserError(f"--{name}={_text(rates)}: expected less than 1 for {drop}")
        if drop == "selectout" and rate > top_rate:
            raise UserError(
                f"--{name}={_text(rates)}: more than --top_rate={top_rate}, from which selectout takes them"
            )


def _text(value):
    return ",".join(map(str, value)) if isinstance(value, list) else value
