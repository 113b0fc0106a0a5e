"""The table about the samples that come first: which they are, and what is said of them."""

import numpy as np
import pytest
from benchmark_runs import cells
from scipy import stats

from benchmarks.replay_validity import extremes

pytestmark = pytest.mark.usefixtures("default_flags")


def test_the_samples_that_would_lower_the_measure_most_weigh_less():
    effects = np.random.default_rng(0).normal(size=(300, 2))
    found = {key: (weights, foretold) for key, weights, foretold in extremes._weighings(effects, 100)}
    assert len(found) == 1 + 3 * 3 * 2
    for column, ranking in enumerate(("cross-entropy", "expected error")):
        weights, foretold = found[f"{ranking}, 10, 0.8, seed 100"]
        assert sorted(set(weights)) == [0.8, 1]
        lightest = np.flatnonzero(weights < 1)
        assert set(lightest) == set(np.argsort(effects[:, column])[:10])
        assert foretold == pytest.approx(0.2 * effects[lightest, column].sum())
    weights, foretold = found["random, 60, 0, seed 100"]
    assert np.sum(weights == 0) == 60
    assert np.isnan(foretold)
    other = dict((key, weights) for key, weights, _ in extremes._weighings(effects, 101))
    assert (other["random, 60, 0, seed 101"] != weights).any()


def test_changes_are_paired_by_seed():
    rng = np.random.default_rng(1)
    predicted, found = {}, {}
    for seed in (100, 101, 102):
        own = 100 * rng.normal()
        for key, _, foretold in extremes._weighings(rng.normal(size=(300, 2)), seed):
            predicted[key] = foretold
            found[key] = list(own + rng.normal(size=6))
    rows = {tuple(row[:3]): row[3:] for row in cells("\n".join(extremes._table(predicted, found, tested=50)))}
    keys = [f"expected error, 60, 0, seed {seed}" for seed in (100, 101, 102)]
    changes = np.array([np.array(found[key]) - found[f"all as they are, 0, 1, seed {key[-3:]}"] for key in keys])
    foretold, change, error, loss = rows["expected error", "60", "0"]
    assert float(foretold) == pytest.approx(np.mean([predicted[key] for key in keys]), abs=0.051)
    assert float(change) == pytest.approx(changes[:, 1].mean(), abs=0.051)
    for cell, values, digits in ((error, 2 * changes[:, 5], 2), (loss, changes[:, 3] / 50, 4)):
        numbers = [float(word.strip("[],")) for word in cell.split()]
        expected = [values.mean(), *stats.ttest_1samp(values, 0).confidence_interval(0.95)]
        assert numbers == pytest.approx(expected, abs=0.51 * 10**-digits)
    assert rows["random", "60", "0"][:2] == ["", ""]
