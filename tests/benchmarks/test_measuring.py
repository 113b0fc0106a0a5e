"""Timing in turns, and memory."""

import itertools

import numpy as np

from benchmarks.measuring import median_ratios, peak_memory, restart_peak_memory, take_turns, turn_ratios


def test_ratios_are_medians_over_the_turns():
    seconds = {"SpatialDropout2D": [1.0, 2.0, 4.0], "other": [2.0, 2.0, 12.0]}
    assert median_ratios(seconds, "SpatialDropout2D") == {"SpatialDropout2D": 1.0, "other": 2.0}


def test_ratios_are_within_a_turn():
    seconds = {"a": [1.0, 8.0], "b": [2.0, 4.0]}
    assert turn_ratios(seconds, "a", "b").tolist() == [0.5, 2.0]


def test_turns_alternate():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in ("first", "second")}
    seconds = take_turns(runs, 3, warm_up=2)
    assert order == ["first", "first", "second", "second"] + 3 * ["first", "second"]
    assert {name: len(times) for name, times in seconds.items()} == {"first": 3, "second": 3}


def test_times_are_the_clocks():
    ticks = itertools.count()
    runs = {"short": lambda: next(ticks), "long": lambda: [next(ticks), next(ticks)]}
    # One reading of the clock before and one after; the function's own ticks lie between them.
    assert take_turns(runs, 2, clock=lambda: next(ticks)) == {"short": [2, 2], "long": [3, 3]}


def test_peak_memory_is_what_was_used_and_freed():
    loaded = restart_peak_memory()
    block = np.ones(2**24)  # 128 MiB
    del block
    assert 120 < peak_memory() - loaded < 200
    restart_peak_memory()
    assert peak_memory() - loaded < 60
