"""What two sets share, beside chance, against the formulas and against draws."""

import numpy as np
import pytest

from tfdrop.overlap import overlap


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_what_random_sets_share(seed):
    rng = np.random.default_rng(seed)
    samples = int(rng.integers(50, 400))
    sizes = rng.integers(1, samples, 2)
    one, other = (np.isin(np.arange(samples), rng.choice(samples, size, replace=False)) for size in sizes)
    found = overlap(one, other)
    assert found.shared == len(set(np.flatnonzero(one)) & set(np.flatnonzero(other)))
    assert found.sizes == tuple(sizes)
    assert found.expected == pytest.approx(sizes[0] * sizes[1] / samples)
    drawn = np.array([(rng.permutation(one) & other).sum() for _ in range(4000)])
    assert np.mean((drawn >= found.low) & (drawn <= found.high)) >= 0.94
    # Both ends are as near as they may be: a narrower interval holds less than 95 %.
    assert np.mean(drawn < found.low) < 0.035
    assert np.mean(drawn > found.high) < 0.035


def test_what_is_more_than_chance():
    one = np.arange(200) < 40
    assert not overlap(one, one).by_chance
    assert not overlap(one, ~one).by_chance
    assert overlap(one, np.arange(200) % 2 == 0).by_chance
    assert overlap(np.zeros(5, bool), np.ones(5, bool))[:4] == (0, 0.0, 0, 0)


@pytest.mark.parametrize(("one", "other"), [([True], [True, False]), ([1, 0], [True, False]), ([[True]], [[True]])])
def test_other_arrays_are_refused(one, other):
    with pytest.raises(ValueError, match="Booleans of one shape"):
        overlap(one, other)
