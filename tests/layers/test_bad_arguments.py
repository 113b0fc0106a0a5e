"""Every bad argument is a `ValueError` that names it, what was expected and what came."""

import re

import numpy as np
import pytest

from tfdrop import layers, schedules

COUNT = "an integer of at least 1"
FORMATS = "one of 'channels_last', 'channels_first'"
NAN = float("nan")
# The least arguments of each layer, and the interval of its rate.
LAYERS = {
    layers.SpatialScale: ({"rate": 0.1}, "a float in [0, 1]"),
    layers.SelectScale: ({"rate": 0.1}, "a float in [0, 1]"),
    layers.Selectout: ({"rate": 0.1}, "a float in [0, 0.2]"),
    layers.DropBlock2D: ({"rate": 0.1}, "a float in [0, 1)"),
    layers.Participation: ({}, "a float in [0, 1]"),
    layers.FocusedDropout: ({}, None),
}


def bad_arguments():
    """Yields a layer, its arguments, the name of the bad one and what is expected of it."""
    for layer, (least, interval) in LAYERS.items():
        if interval:
            for rate in (-0.1, 1.5, NAN, "0.5", None, True, [0.1], 1 + 0j, schedules.constant(2)):
                yield layer, {"rate": rate}, "rate", interval
        for seed in (-1, 1.5, "1"):
            yield layer, {**least, "seed": seed}, "seed", "an integer of at least 0"
        if layer is not layers.Participation:
            yield layer, {**least, "data_format": "NHWC"}, "data_format", FORMATS
    yield layers.DropBlock2D, {"rate": 1}, "rate", "a float in [0, 1)"
    for size in (0, -7, 2.5, "7", None, True):
        yield layers.DropBlock2D, {"rate": 0.1, "block_size": size}, "block_size", COUNT
    for rate in (0.21, schedules.linear(0, 0.3, 5)):
        yield layers.Selectout, {"rate": rate}, "rate", "a float in [0, 0.2]"
    yield layers.Selectout, {"rate": 1, "top_rate": 1}, "rate", "a float in [0, 1)"
    for layer in (layers.Selectout, layers.SelectScale):
        for top_rate in (0, 1.01, NAN, "all", None):
            yield layer, {"rate": 0.1, "top_rate": top_rate}, "top_rate", "a float in (0, 1]"
        yield layer, {"rate": 0.1, "pool_size": 0}, "pool_size", COUNT
        yield layer, {"rate": 0.1, "pool_size": "local"}, "pool_size", "one of None, 'global'"
        yield layer, {"rate": 0.1, "pool_size": 2, "pool_strides": 0.5}, "pool_strides", COUNT
    for rate in (-0.1, 1.5, NAN, "often", None):
        yield layers.FocusedDropout, {"participation_rate": rate}, "participation_rate", "a float in [0, 1]"
    for gamma in (-0.1, 1, "0.3", NAN, None):
        yield layers.FocusedDropout, {"gamma": gamma}, "gamma", "a float in [0, 1)"
    yield layers.FocusedDropout, {"gamma": (0.6, 0.3)}, "gamma", "two floats in increasing order"
    yield layers.FocusedDropout, {"gamma": (0.1, 0.2, 0.3)}, "gamma", "a float or two floats"
    yield layers.FocusedDropout, {"gamma_per": "batch"}, "gamma_per", "one of 'sample', 'unit'"
    yield layers.FocusedDropout, {"inverted": "yes"}, "inverted", "True or False"


@pytest.mark.parametrize(
    ("layer", "arguments", "name", "expected"),
    list(bad_arguments()),
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value),
)
def test_bad_arguments(layer, arguments, name, expected):
    with pytest.raises(ValueError, match=f"^Invalid value received for argument `{name}`. ") as error:
        layer(**arguments)
    message = str(error.value)
    assert f"Expected {expected}. Received: {name}=" in message
    # A schedule is refused for the value that it takes.
    received = max(arguments[name].bounds) if callable(arguments[name]) else arguments[name]
    assert message.endswith(f"Received: {name}={received!r}")


@pytest.mark.parametrize(
    ("layer", "shapes", "ranks"),
    [
        (layers.SpatialScale(0.1), [(4, 5), (1, 2, 3, 4, 5, 6)], "3 or 4 or 5"),
        (layers.SelectScale(0.1), [(4, 5), (4,)], "3 or 4 or 5"),
        (layers.Selectout(0.1), [(4, 5)], "3 or 4 or 5"),
        (layers.FocusedDropout(), [(4, 5)], "3 or 4 or 5"),
        (layers.DropBlock2D(0.1), [(4, 5), (4, 5, 6), (2, 3, 4, 5, 6)], "4"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_wrong_rank(layer, shapes, ranks):
    for shape in shapes:
        message = f"`inputs`. Expected feature maps: a tensor of rank {ranks}, batch and channels included. "
        with pytest.raises(ValueError, match=re.escape(f"{message}Received: inputs.shape={shape}")):
            type(layer).from_config(layer.get_config())(np.ones(shape, "float32"))


def test_unknown_number_of_channels():
    message = "`inputs`. Expected a known number of channels for data_format='channels_last'. Received: "
    with pytest.raises(ValueError, match=re.escape(f"{message}inputs.shape=(None, 4, 4, None)")):
        layers.SelectScale(0.1).build((None, 4, 4, None))


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), "0.5", schedules.constant(0.1)])
def test_a_bad_rate_assigned_later(rate):
    layer = layers.SpatialScale(0.5)
    with pytest.raises(ValueError, match="Invalid value received for argument `rate`"):
        layer.rate = rate
    assert layer.rate == 0.5
