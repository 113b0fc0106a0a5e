"""Paired differences beside SciPy's paired t-test."""

import numpy as np
import pytest
from scipy import stats

from tfdrop.comparison import paired_difference


@pytest.mark.parametrize("pairs", [2, 3, 10])
def test_interval_is_that_of_the_paired_t_test(pairs):
    one, other = np.random.default_rng(pairs).normal(size=(2, pairs))
    found = paired_difference(one, other)
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(one) - np.mean(other))
    np.testing.assert_allclose([found.low, found.high], expected)


@pytest.mark.parametrize(
    ("difference", "lower_is_better", "expected"),
    [(-1, True, "helps"), (-1, False, "hurts"), (1, True, "hurts"), (1, False, "helps"), (0, True, "cannot be told")],
)
def test_verdicts(difference, lower_is_better, expected):
    noise = 0.1 * np.random.default_rng(0).normal(size=6)
    noise -= noise.mean()
    assert paired_difference(noise + difference, np.zeros(6)).verdict(lower_is_better).startswith(expected)


@pytest.mark.parametrize("pairs", [1, 2, 4])
def test_differences_that_do_not_scatter_tell_nothing(pairs):
    found = paired_difference([1.0] * pairs, [3.0] * pairs)
    assert found.text(1) == "-2.0"
    assert found.verdict(lower_is_better=True) == "cannot be told from chance"


@pytest.mark.parametrize(("values", "others"), [([1.0], [1.0, 2.0]), ([], []), ([[1.0]], [[1.0]])])
def test_numbers_that_are_no_pairs(values, others):
    with pytest.raises(ValueError, match=r"argument `others`\. Expected as many numbers as `values`, at least one"):
        paired_difference(values, others)
