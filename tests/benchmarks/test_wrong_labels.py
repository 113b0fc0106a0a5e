"""The table of wrong labels: what is planted, and which samples each arm drops."""

import numpy as np
import pytest
from benchmark_runs import cells
from scipy import stats

from benchmarks import pages
from benchmarks.influence_validity.images import Images, _shuffled
from benchmarks.wrong_labels.arms import ALL_POSITIVE, FULL, ORACLE, RANDOM, dropped_samples
from benchmarks.wrong_labels.overview import overview
from benchmarks.wrong_labels.planted import conflicting, mislabelled, planted
from benchmarks.wrong_labels.rankings import PRINTED, SELF, WITH_A_ZERO
from benchmarks.wrong_labels.report import headings, section
from benchmarks.wrong_labels.trainings import Outcome

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 400)


@pytest.mark.parametrize("kind", ["symmetric", "pairs"])
def test_the_share_of_labels_is_wrong_and_no_other(kind):
    found, wrong = mislabelled(LABELS, 0.4, 10, kind, np.random.default_rng(1))
    np.testing.assert_array_equal(found != LABELS, wrong)
    assert wrong.sum() == 160
    assert found.min() >= 0
    assert found.max() <= 9
    away = set((found - LABELS)[wrong] % 10)
    assert away == ({1} if kind == "pairs" else set(range(1, 10)))


def test_images_that_occur_twice_with_two_labels_come_first_and_are_wrong():
    x = np.random.default_rng(2).integers(0, 9, (40, 2, 2, 1))
    x[[7, 30, 31]] = x[5]  # three times with one label, once with another
    x[12] = x[11]  # the same label
    y = np.arange(40) % 3
    y[[5, 7, 30, 31]] = 0, 0, 2, 0
    y[[11, 12]] = 1
    wrong = conflicting(x, y)
    assert set(np.flatnonzero(wrong)) == {5, 7, 30, 31}
    (shuffled, labels) = _shuffled((x, y), np.random.default_rng(3), conflicting)
    assert labels[:4].tolist().count(0) == 3
    np.testing.assert_array_equal(shuffled[:4] * 255, np.broadcast_to(x[5], (4, 2, 2, 1)))
    images = Images("toys", 3, (x, y), (x[:6], y[:6]), (x[:0], y[:0]))
    found = planted(images, (x, y), 0.0, "duplicates", 0)
    np.testing.assert_array_equal(found.wrong, wrong)
    np.testing.assert_array_equal(found.train[1], y)


def test_arms_drop_the_largest_and_the_oracle_what_is_wrong():
    wrong = RNG.random(50) < 0.2
    rankings = {PRINTED: RNG.normal(size=50), SELF: RNG.exponential(size=50)}
    found = dropped_samples(rankings, wrong, 7, seed=3, with_a_zero=WITH_A_ZERO)
    assert len(found[FULL]) == 0
    assert set(found[ORACLE]) == set(np.flatnonzero(wrong))
    assert len(set(found[RANDOM])) == 7
    for name, scores in rankings.items():
        assert len(found[name]) == 7
        assert scores[found[name]].min() > np.delete(scores, found[name]).max()
    assert set(found[PRINTED + ALL_POSITIVE]) == set(np.flatnonzero(rankings[PRINTED] > 0))
    assert SELF not in WITH_A_ZERO
    assert SELF + ALL_POSITIVE not in found
    assert ORACLE not in dropped_samples(rankings, np.zeros(50, bool), 7, seed=3, with_a_zero=WITH_A_ZERO)


def test_the_table_pairs_repetitions_and_tells_what_is_found():
    found, errors = [], {name: [] for name in (FULL, RANDOM, SELF)}
    for seed in range(5):
        wrong = np.arange(50) < 10
        rankings = {SELF: np.where(wrong, 1.0, 0.0) + 1e-3 * RNG.random(50)}
        dropped = dropped_samples(rankings, wrong, 10, seed, WITH_A_ZERO)
        results = {}
        for name in dropped:
            error = float(RNG.normal(10, 3))
            errors.setdefault(name, []).append(error)
            results[name] = Outcome(error, error - 1, 0.5)
        found.append((wrong, rankings, dropped, results))
    rows = {row[0]: row for row in cells("\n".join(section("Toys.", 0.2, "symmetric", 10, 100, found)))}
    assert list(rows)[:3] == [FULL, ORACLE, RANDOM]
    for place, other in ((3, FULL), (4, RANDOM)):
        expected = stats.ttest_rel(errors[SELF], errors[other]).confidence_interval(0.95)
        mean, low, high = (float(word.strip("[],")) for word in rows[SELF][place].split())
        assert (low, high) == pytest.approx(tuple(expected), abs=0.0051)
        assert mean == pytest.approx(np.mean(errors[SELF]) - np.mean(errors[other]), abs=0.0051)
    assert rows[SELF][-2:] == ["1.00", "1.00"]
    assert float(rows[SELF][5]) == pytest.approx(np.mean(errors[SELF]) - 1, abs=0.0051)


def test_the_page_begins_with_the_errors_of_its_sections():
    def part(heading, errors):
        lines = pages.table(["dropped by", "dropped", "test error, %"], [[name, "5", e] for name, e in errors.items()])
        return "\n".join([heading, "", "Some text.", "", *lines, "", "- Command: `a`", "- n: 3 repetitions"])

    first, second = headings()[1:3]
    wrong = {FULL: "20.00", ORACLE: "7.00", RANDOM: "21.00", "EL2N": "10.00", "training loss": "15.00"}
    page = "\n\n".join(["# Title", part(first, {FULL: "5.00", RANDOM: "6.00", PRINTED: "6.50"}), part(second, wrong)])
    found = overview(page)
    rows = [[first[3:], "3", "5.00", "", "6.00", "", "", "", "", "6.50"]]
    assert cells(found) == [*rows, [second[3:], "3", "20.00", "7.00", "21.00", "10.00", "", "", "", ""]]
    assert overview(page.replace("# Title", f"# Title\n\n{found}")) == found  # it does not count itself
