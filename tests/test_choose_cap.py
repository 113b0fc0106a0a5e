import itertools

import numpy as np
import pytest
from scipy import stats

from tfdrop.data_dropout import Criterion, choose_cap


def chosen(values):
    """The choice where the values are known, shape `(candidates, seeds, m)`: of nothing dropped, 1 sample, 2, ..."""
    samples = len(values)
    scores = np.arange(samples, 0, -1.0)
    caps = list(range(1, samples))
    return choose_cap(scores, lambda kept, seed: values[samples - len(kept), seed], caps=caps, seeds=len(values[0]))


def random_values(rng, rows, seeds, columns, of_seed=1.0, of_sample=1.0):
    """Values that rows do not change but by chance: of each seed, of each sample, and of both."""
    return (
        of_seed * rng.normal(size=(rows, seeds, 1))
        + of_sample * rng.normal(size=(rows, 1, columns))
        + rng.normal(size=(rows, seeds, columns))
        + 5 * rng.normal(size=(seeds, 1))
        + 5 * rng.normal(size=columns)
    )


def test_the_fewest_that_are_within_a_standard_error_of_the_best_are_dropped():
    means = np.array([1.0, 0.8, 0.502, 0.5, 0.501, 0.7])
    found = chosen(means[:, None, None] + 0.01 * random_values(np.random.default_rng(0), 6, 4, 30, 0.5, 0.5))
    near = found.values.mean(1) <= found.values.mean(1).min() + found.standard_error
    assert found.dropped == (0, 1, 2, 3, 4, 5)
    assert found.cap == found.dropped[found.chosen] == int(np.argmax(near)) > 0
    assert not near[:2].any()


def left_over(table):
    """Mean square of what the margins of a table with two or three sides do not explain, by least squares."""
    places = np.indices(table.shape).reshape(table.ndim, -1)
    sides = [np.eye(size)[place] for size, place in zip(table.shape, places, strict=True)]
    pairs = [
        np.einsum("na,nb->nab", one, other).reshape(table.size, -1) for one, other in itertools.combinations(sides, 2)
    ]
    design = np.concatenate(sides if table.ndim == 2 else pairs, axis=1)
    found = np.linalg.lstsq(design, table.ravel(), rcond=None)[0]
    return np.sum((table.ravel() - design @ found) ** 2) / (table.size - np.linalg.matrix_rank(design))


def test_the_standard_error_is_that_of_an_analysis_of_variance():
    values = random_values(np.random.default_rng(1), 5, 3, 7)
    variance = 2 * left_over(values.mean(2)) / 3 + 2 * left_over(values.mean(1)) / 7 - 2 * left_over(values) / 21
    found = chosen(values)
    np.testing.assert_allclose(found.standard_error, np.sqrt(variance))
    # Four candidates: eight degrees of freedom over three seeds, more over samples.
    np.testing.assert_allclose(found.least_gain, stats.t.ppf(1 - 0.05 / 4, 8) * found.standard_error)


@pytest.mark.parametrize(("seeds", "of_seed", "of_sample"), [(2, 0, 0), (3, 0.2, 0), (3, 0, 1), (4, 0.3, 0.5)])
def test_the_standard_error_is_the_scatter_of_differences(seeds, of_seed, of_sample):
    rng = np.random.default_rng(seeds)
    found = [chosen(random_values(rng, 6, seeds, 30, of_seed, of_sample)) for _ in range(400)]
    scatter = np.std([each.values[0].mean() - each.values[1:].mean(1) for each in found], axis=0)
    estimated = np.sqrt(np.mean([each.standard_error**2 for each in found]))
    # Too large where neither seeds nor samples scatter, as it is no less than any of its three parts.
    assert 0.95 < estimated / np.sqrt(np.mean(scatter**2)) < (1.1 if of_seed or of_sample else 1.2)


@pytest.mark.parametrize(
    ("rows", "seeds", "of_seed", "of_sample"),
    [(7, 2, 1, 0), (7, 3, 1, 0.3), (7, 3, 0, 3), (7, 5, 0.3, 1), (2, 2, 3, 4), (2, 3, 3, 4), (3, 2, 3, 4)],
)
def test_by_chance_alone_something_is_dropped_in_one_case_of_twenty_at_most(rows, seeds, of_seed, of_sample):
    rng, runs = np.random.default_rng(seeds), 500 if rows == 7 else 2000
    dropped = sum(chosen(random_values(rng, rows, seeds, 20, of_seed, of_sample)).cap > 0 for _ in range(runs))
    assert dropped <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs)


def test_a_gain_that_other_seeds_or_other_samples_would_not_have_is_none():
    rng = np.random.default_rng(2)
    values = 0.001 * random_values(rng, 2, 4, 20, 0, 0)
    assert chosen(values - [[[0.0]], [[1.0]]]).cap == 1
    by_sample = rng.normal(size=20)
    by_sample[0] -= 20  # one sample alone: -1 in the mean
    by_seed = np.array([-6.0, 1.0, 0.0, 1.0])
    for gain in (by_sample[None], by_seed[:, None]):
        assert chosen(values + np.stack([np.zeros((4, 20)), gain + np.zeros((4, 20))])).cap == 0


def test_single_values_that_cancel_in_every_mean_are_scatter():
    values = np.array([[[0.0, 0.0], [0.0, 0.0]], [[-1.0, 1.0], [1.0, -1.0]]])
    assert chosen(values - [[[0.0]], [[0.1]]]).cap == 0


def test_equal_values_drop_nothing():
    assert chosen(np.ones((4, 2, 3))).cap == 0
    assert chosen(np.tile(np.arange(6.0).reshape(2, 3), (2, 1, 1))).cap == 0


def test_wrong_labels_of_a_regression_are_found_by_training_without_them():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 5))
    y = x @ rng.normal(size=5) + 0.1 * rng.normal(size=200)
    held_x, held_y, x, y = x[:100], y[:100], x[100:], y[100:].copy()
    wrong = rng.permutation(100)[:20]
    y[wrong] += rng.normal(2, 1, size=20)
    scores = rng.uniform(0.1, 1, 100)
    scores[wrong] += 1
    asked = []

    def measure_without(kept, seed):
        asked.append((len(kept), seed))
        kept = np.random.default_rng(seed).permutation(kept)[: 9 * len(kept) // 10]  # as trainings differ, too
        return (held_x @ np.linalg.lstsq(x[kept], y[kept], rcond=None)[0] - held_y) ** 2

    found = choose_cap(scores, measure_without, seeds=4)
    assert found.dropped == (0, 1, 3, 10, 20, 30)  # all positive would be all: that is no candidate
    assert asked == [(100 - count, seed) for count in found.dropped for seed in range(4)]
    assert found.cap in (20, 30)
    assert set(wrong) <= set(np.flatnonzero(Criterion(cap=found.cap).unfavorable(scores)))


def test_candidates_that_drop_the_same_samples_are_one():
    counted = []

    def measure_without(kept, seed):
        counted.append(len(kept))
        return [1.0, 2.0]

    found = choose_cap([1.0, 0.5, -1.0, -2.0], measure_without, caps=(0.5, 2, 0.9, None))
    assert (found.dropped, counted) == ((0, 2), [4] * 3 + [2] * 3)
    nothing_positive = choose_cap([-1.0, -2.0], measure_without)
    assert (nothing_positive.dropped, nothing_positive.cap) == ((0,), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 1}, "`seeds`. Expected at least 2"),
        ({"seeds": 2.5}, "`seeds`"),
        ({"scores": [1.0, np.nan]}, "`scores`. Expected finite numbers. Received: nan for sample 1"),
        ({"caps": (1.5,)}, "`cap`"),
        ({"measure_without": lambda kept, seed: [0.0, np.inf]}, "`measure_without`. .* finite numbers. Received: inf"),
        ({"measure_without": lambda kept, seed: 0.5}, "`measure_without`. .* at least 2, .* Received: shape ()"),
        ({"measure_without": lambda kept, seed: [0.5]}, "`measure_without`"),
        ({"measure_without": lambda kept, seed: [0.5] * (2 + seed)}, "`measure_without`. .* always the same"),
    ],
)
def test_bad_input(arguments, message):
    good = {"scores": [1.0, -1.0], "measure_without": lambda kept, seed: [0.0, 0.0]}
    with pytest.raises((ValueError, TypeError), match=message):
        choose_cap(**good | arguments)
