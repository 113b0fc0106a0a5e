import numpy as np
import pytest

from tfdrop.data_dropout import Criterion, choose_cap


def chosen(values, scores=None):
    """The choice where the values of each candidate, one a seed, are known: nothing dropped, then 1, 2, ... samples."""
    values = np.asarray(values, float)
    samples = len(values)
    scores = np.arange(samples, 0, -1.0) if scores is None else scores
    caps = list(range(1, samples))
    return choose_cap(scores, lambda kept, seed: values[samples - len(kept), seed], caps=caps, seeds=values.shape[1])


def test_the_fewest_that_are_within_a_standard_error_of_the_best_are_dropped():
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(6, 4))
    means = np.array([1.0, 0.8, 0.502, 0.5, 0.501, 0.7])
    found = chosen(means[:, None] + noise)
    near = found.values.mean(1) <= found.values.mean(1).min() + found.standard_error
    assert found.dropped == (0, 1, 2, 3, 4, 5)
    assert found.cap == found.dropped[found.chosen] == int(np.argmax(near)) > 0
    assert not near[:2].any()


def test_the_standard_error_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 3)) + 10 * rng.normal(size=3)
    rows, seeds = np.indices(values.shape).reshape(2, -1)
    design = np.concatenate([np.eye(5)[rows], np.eye(3)[seeds][:, 1:]], axis=1)
    _, (squares,), _, _ = np.linalg.lstsq(design, values.ravel(), rcond=None)
    found = chosen(values)
    np.testing.assert_allclose(found.standard_error, np.sqrt(squares / (15 - 7) * 2 / 3))


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_by_chance_alone_something_is_dropped_in_one_case_of_twenty_at_most(seeds):
    rng = np.random.default_rng(seeds)
    runs = 1000
    dropped = sum(chosen(rng.normal(size=(7, seeds)) + 5 * rng.normal(size=seeds)).cap > 0 for _ in range(runs))
    assert 0 < dropped <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs)


def test_equal_values_drop_nothing():
    assert chosen(np.ones((4, 2))).cap == 0
    assert chosen([[1.0, 2.0], [1.0, 2.0]]).cap == 0


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
        return np.mean((held_x @ np.linalg.lstsq(x[kept], y[kept], rcond=None)[0] - held_y) ** 2)

    found = choose_cap(scores, measure_without, seeds=4)
    assert found.dropped == (0, 1, 3, 10, 20, 30)  # all positive would be all: that is no candidate
    assert asked == [(100 - count, seed) for count in found.dropped for seed in range(4)]
    assert found.cap in (20, 30)
    assert set(wrong) <= set(np.flatnonzero(Criterion(cap=found.cap).unfavorable(scores)))


def test_candidates_that_drop_the_same_samples_are_one():
    counted = []
    found = choose_cap([1.0, 0.5, -1.0, -2.0], lambda kept, seed: counted.append(1) or 0.0, caps=(0.5, 2, 0.9, None))
    assert (found.dropped, len(counted)) == ((0, 2), 6)
    nothing_positive = choose_cap([-1.0, -2.0], lambda kept, seed: float(seed))
    assert (nothing_positive.dropped, nothing_positive.cap) == ((0,), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 1}, "`seeds`. Expected at least 2"),
        ({"seeds": 2.5}, "`seeds`"),
        ({"scores": [1.0, np.nan]}, "`scores`. Expected finite numbers. Received: nan for sample 1"),
        ({"caps": (1.5,)}, "`cap`"),
        ({"measure_without": lambda kept, seed: np.inf}, "`measure_without`. Expected a function that returns finite"),
    ],
)
def test_bad_input(arguments, message):
    good = {"scores": [1.0, -1.0], "measure_without": lambda kept, seed: 0.0}
    with pytest.raises((ValueError, TypeError), match=message):
        choose_cap(**good | arguments)
