"""The few samples, drawn by their losses, that stand for all where a preconditioner is built."""

import numpy as np
import pytest

from tfdrop.influence.strata import draw_steps, draw_strata
from tfdrop.influence.training_data import TrainingData


def losses_of(kind, n, rng):
    return {
        "equal": np.ones(n),
        "zero": np.zeros(n),
        "heavy": rng.pareto(0.8, n),
        "negative": -rng.random(n),
        "not finite": np.where(np.arange(n) == 3, np.nan, 1.0),
    }[kind]


@pytest.mark.parametrize("kind", ["equal", "zero", "heavy", "negative", "not finite"])
@pytest.mark.parametrize(
    ("n", "samples", "batch"), [(1000, 64, 16), (97, 40, 10), (70, 64, 16), (30, 5, 9), (12, 12, 3)]
)
def test_strata_stand_for_all_samples(kind, n, samples, batch):
    rng = np.random.default_rng(n)
    drawn = draw_strata(losses_of(kind, n, rng), samples, batch, rng)
    assert sum(len(indices) * stands_for for indices, stands_for in drawn) == pytest.approx(n)
    chosen = np.concatenate([indices for indices, _ in drawn])
    assert len(set(chosen)) == len(chosen) <= max(samples, batch)
    assert all(stands_for >= 1 for _, stands_for in drawn)


def test_means_by_strata_are_unbiased_and_scatter_less_where_few_samples_matter():
    """A sum that follows the losses, as curvature does: over many draws its mean is the sum of all samples."""
    rng = np.random.default_rng(0)
    losses = rng.pareto(0.9, 400)
    matters = losses * rng.uniform(0.5, 1.5, 400)
    by_strata, evenly = [], []
    for _ in range(2000):
        drawn = draw_strata(losses, 48, 8, rng)
        by_strata.append(sum(stands_for * matters[indices].sum() for indices, stands_for in drawn))
        evenly.append(matters[rng.permutation(400)[:48]].sum() * 400 / 48)
    error = np.std(by_strata) / np.sqrt(2000)
    assert np.mean(by_strata) == pytest.approx(matters.sum(), abs=4 * error)
    assert np.std(by_strata) < np.std(evenly) / 4


def test_samples_with_large_losses_are_drawn_more_often():
    losses = np.where(np.arange(1000) < 50, 10.0, 0.01)
    drawn = draw_strata(losses, 128, 32, np.random.default_rng(0))
    assert sum((indices < 50).sum() for indices, _ in drawn) >= 40


def test_a_data_set_gives_the_strata_of_arrays():
    rng = np.random.default_rng(2)
    x, y, losses = np.arange(90.0)[:, None], np.arange(90), rng.pareto(1.0, 90)
    arrays = TrainingData((x, y), 10, seed=4)
    data_set = TrainingData(list(zip(np.split(x, [7, 40]), np.split(y, [7, 40]), strict=True)), 10, seed=4)
    found = [data.strata(lambda: losses, 40) for data in (arrays, data_set)]
    (batches, one), (streamed, two) = found
    assert one == two
    for (x1, y1), (x2, y2) in zip(batches, streamed, strict=True):
        np.testing.assert_array_equal(y1, y2)
        np.testing.assert_array_equal(x1[:, 0], y1)
        np.testing.assert_array_equal(x2[:, 0], y2)


def test_strata_are_drawn_once():
    """Solves for many right-hand sides ask for them again, and losses take a pass over all of the data."""
    asked = []
    data = TrainingData((np.zeros((90, 1)), np.arange(90)), 8, seed=0)

    def losses():
        asked.append(1)
        return np.ones(90)

    for _ in range(3):
        data.strata(losses, 40)
    assert asked == [1]


def test_few_samples_are_all_taken_without_asking_for_losses():
    data = TrainingData((np.zeros((30, 1)), np.arange(30)), 8, seed=0)
    batches, stands_for = data.strata(None, 30)
    np.testing.assert_array_equal(np.sort(np.concatenate([y for _, y in batches])), np.arange(30))
    assert set(stands_for) == {1.0}


@pytest.mark.parametrize(("n", "kind"), [(1000, "heavy"), (130, "equal"), (40, "heavy"), (3, "zero")])
def test_every_step_stands_for_all_samples(n, kind):
    rng = np.random.default_rng(n)
    drawn, stands_for = draw_steps(losses_of(kind, n, rng), 7, rng)
    for step in drawn:
        assert sum(len(batch) * each for batch, each in zip(step, stands_for, strict=True)) == pytest.approx(n)
    for batches in zip(*drawn, strict=True):  # of one stratum
        assert len({len(batch) for batch in batches}) == 1
        assert all(len(set(batch)) == len(batch) for batch in batches)


def test_steps_read_all_of_a_stratum_before_they_read_a_sample_again():
    drawn, _ = draw_steps(np.ones(8 * 64), 8, np.random.default_rng(0))
    for batches in zip(*drawn, strict=True):
        first, second = np.concatenate(batches[:4]), np.concatenate(batches[4:])
        assert len(set(first)) == 64
        assert set(first) == set(second)
        assert list(first) != list(second)


def test_a_data_set_gives_the_steps_of_arrays_and_each_key_its_own():
    rng = np.random.default_rng(2)
    x, y, losses = np.arange(300.0)[:, None], np.arange(300), rng.pareto(1.0, 300)
    arrays = TrainingData((x, y), 10, seed=4)
    data_set = TrainingData(list(zip(np.split(x, [70, 201]), np.split(y, [70, 201]), strict=True)), 10, seed=4)

    def read(data, key):
        steps = data.steps_by_strata(lambda: losses, 3, key)
        return [np.concatenate([y for _, y in batches]).tolist() for batches, _ in steps]

    assert read(arrays, 1) == read(data_set, 1) == read(arrays, 1)
    assert read(arrays, 1) != read(arrays, 2)
    assert [len(step) for step in read(arrays, 1)] == [128] * 3
