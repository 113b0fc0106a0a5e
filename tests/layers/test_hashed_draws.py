import functools

import drop_references
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfdrop.layers.hashed_draws import chance, uniform


@functools.cache
def compiled(shape):
    return tf.function(lambda state: uniform(state, shape))


def draw(seed, step, shape):
    return ops.convert_to_numpy(compiled(shape)(tf.constant([seed, step], "int64")))


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 1, 3), (2, 3, 1, 2)])
@pytest.mark.parametrize(("seed", "step"), [(0, 0), (1, 0), (0, 1), (2**31 - 1, 123_456_789)])
def test_equals_the_hash_in_unbounded_integers(seed, step, shape):
    drawn = draw(seed, step, shape)
    assert drawn.dtype == "float32"
    np.testing.assert_array_equal(drawn, drop_references.noise(seed, step, shape))


@pytest.mark.parametrize("axes", ["one step", "many steps", "many seeds"])
def test_numbers_are_uniform(axes):
    drawn = {
        "one step": lambda: draw(3, 0, (400, 256)),
        "many steps": lambda: np.stack([draw(3, step, (64,)) for step in range(1600)]),
        "many seeds": lambda: np.stack([draw(seed, 0, (64,)) for seed in range(1600)]),
    }[axes]()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    # 102,400 numbers: five standard errors of the mean, of the variance, and a chi-square over 100 bins.
    assert abs(drawn.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / drawn.size)
    assert abs(drawn.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / drawn.size)
    counts = np.bincount((drawn.ravel() * 100).astype(int), minlength=100)
    chi_square = np.sum((counts - drawn.size / 100) ** 2) / (drawn.size / 100)
    assert abs(chi_square - 99) < 5 * np.sqrt(2 * 99)


@pytest.mark.parametrize("neighbour", ["channel", "sample", "step", "seed"])
def test_neighbours_are_independent(neighbour):
    first = draw(5, 9, (400, 256))
    second = {
        "channel": np.roll(first, 1, axis=1),
        "sample": np.roll(first, 1, axis=0),
        "step": draw(5, 10, (400, 256)),
        "seed": draw(6, 9, (400, 256)),
    }[neighbour]
    joint = np.histogram2d(first.ravel(), second.ravel(), bins=16, range=[(0, 1), (0, 1)])[0]
    expected = first.size / 256
    assert abs(np.sum((joint - expected) ** 2) / expected - 255) < 5 * np.sqrt(2 * 255)
    rare = (first < 0.02) & (second < 0.02)
    assert abs(rare.mean() - 0.0004) < 5 * np.sqrt(0.0004 / first.size)


def test_half_the_bits_change_with_the_last_bit_of_a_seed():
    before, after = (np.uint32(draw(seed, 0, (10_000,)) * 2**24) for seed in (8, 9))
    assert abs(np.bitwise_count(before ^ after).mean() - 12) < 5 * np.sqrt(6 / 10_000)


@pytest.mark.parametrize("probability", [0.0, 2**-24, 0.003, 0.1, 1 / 3, 1 - 2**-24, 1.0])
def test_chance_is_whether_a_number_is_below_the_probability(probability):
    happens = chance(np.array([4, 5]), (300, 200), np.float32(probability))
    np.testing.assert_array_equal(happens, draw(4, 5, (300, 200)) < np.float32(probability))
