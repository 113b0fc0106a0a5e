"""What 10,000 and more draws of each layer look like. Bounds are five standard errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import tfdrop


def factors(layer, maps):
    """What each unit of maps without zeros was multiplied by."""
    return ops.convert_to_numpy(layer(maps, training=True)) / maps


def descending(batch, channels, side=1):
    """Maps whose scores fall from the first channel to the last."""
    return np.broadcast_to(np.linspace(9, 1, channels, dtype="float32"), (batch, side, side, channels))


def assert_uncorrelated(first, second):
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(first.size)


@pytest.mark.parametrize("rate", [0.25, 1.0])
def test_spatial_scale(rate):
    drawn = factors(tfdrop.layers.SpatialScale(rate, seed=1), np.ones((500, 2, 3, 40), "float32"))
    np.testing.assert_array_equal(drawn, np.broadcast_to(drawn[:, :1, :1], drawn.shape))
    drawn = drawn[:, 0, 0]
    deviation = rate / np.sqrt(3)
    assert abs(drawn.mean() - 1) < 5 * deviation / np.sqrt(drawn.size)
    assert abs(drawn.var() - deviation**2) < 5 * deviation**2 * np.sqrt(0.8 / drawn.size)
    assert drawn.min() >= 1 - rate - 1e-6
    assert drawn.max() <= 1 + rate + 1e-6
    quantiles = np.quantile(drawn, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles, 1 + rate * np.array([-0.8, 0, 0.8]), atol=5 * rate / np.sqrt(drawn.size))
    assert_uncorrelated(drawn[1:], drawn[:-1])
    assert_uncorrelated(drawn[:, 1:], drawn[:, :-1])


def test_select_scale():
    drawn = factors(tfdrop.layers.SelectScale(0.9, top_rate=0.2, seed=2), descending(2000, 30))[:, 0, 0]
    np.testing.assert_array_equal(drawn[:, 6:], 1)
    scaled = drawn[:, :6]
    assert abs(scaled.mean() - 1) < 5 * np.sqrt(0.27 / scaled.size)
    assert abs(scaled.var() - 0.27) < 5 * 0.27 * np.sqrt(0.8 / scaled.size)
    assert_uncorrelated(scaled[1:], scaled[:-1])
    assert_uncorrelated(scaled[:, 1:], scaled[:, :-1])


@pytest.mark.parametrize(("rate", "top_rate", "channels"), [(0.1, 0.2, 50), (0.02, 0.2, 20), (0.15, 0.25, 12)])
def test_selectout(rate, top_rate, channels):
    drawn = factors(tfdrop.layers.Selectout(rate, top_rate, seed=3), descending(12_000, channels))[:, 0, 0]
    dropped = drawn == 0
    np.testing.assert_allclose(drawn[~dropped], 1 / (1 - rate), rtol=1e-6)
    drops = dropped.sum(axis=1)
    whole = int(rate * channels)
    assert set(drops) <= {whole, whole + 1}
    part = rate * channels - whole
    assert abs(drops.mean() - rate * channels) <= 5 * np.sqrt(max(part * (1 - part), 0) / len(drops)) + 1e-9
    candidates = round(top_rate * channels)
    assert not dropped[:, candidates:].any()
    # Every candidate, and every pair of them, is dropped equally often.
    share = rate * channels / candidates
    assert np.abs(dropped[:, :candidates].mean(axis=0) - share).max() < 5 * np.sqrt(share / len(drops))
    pairs = (drops * (drops - 1)).mean() / (candidates * (candidates - 1))
    together = dropped[:, :candidates].T.astype(float) @ dropped[:, :candidates] / len(drops)
    apart = ~np.eye(candidates, dtype=bool)
    assert np.abs(together[apart] - pairs).max() < 5 * np.sqrt(pairs / len(drops)) + 1e-9
    assert_uncorrelated(dropped[1:, :candidates], dropped[:-1, :candidates])


def test_selectout_drops_the_expected_share_where_candidates_are_too_few():
    # 0.2 * 12 = 2.4 drops, but round(0.2 * 12) = 2 candidates: the third map fills in.
    dropped = factors(tfdrop.layers.Selectout(0.2, top_rate=0.2, seed=4), descending(20_000, 12))[:, 0, 0] == 0
    assert dropped[:, :2].all()
    assert abs(dropped[:, 2].mean() - 0.4) < 5 * np.sqrt(0.24 / len(dropped))
    assert not dropped[:, 3:].any()


@pytest.mark.parametrize("gamma_per", ["sample", "unit"])
def test_focused_dropout_draws_gamma_uniformly(gamma_per):
    # The share of a ramp from 0 to 1 that is kept tells the gamma of the sample.
    ramps = np.broadcast_to(np.linspace(0, 1, 500, dtype="float32")[:, None], (10_000, 500, 1))
    layer = tfdrop.layers.FocusedDropout(participation_rate=1.0, gamma_per=gamma_per, seed=5)
    kept = ops.convert_to_numpy(layer(ramps, training=True))[..., 0] > 0
    if gamma_per == "unit":
        expected = np.clip((ramps[0, :, 0] - 0.3) / 0.3, 0, 1)
        assert np.abs(kept.mean(axis=0) - expected).max() < 5 * np.sqrt(0.25 / len(kept))
    else:
        gammas = 1 - kept.mean(axis=1)
        assert abs(gammas.mean() - 0.45) < 5 * 0.3 / np.sqrt(12 * len(kept)) + 0.002
        assert abs(gammas.var() - 0.0075) < 5 * 0.0075 * np.sqrt(0.8 / len(kept)) + 1e-5
        assert gammas.min() > 0.297
        assert gammas.max() < 0.603
        assert_uncorrelated(gammas[1:], gammas[:-1])
    np.testing.assert_allclose(layer.kept_share, kept.mean(), rtol=1e-5)


@pytest.mark.parametrize(("height", "width", "block_size"), [(10, 6, 3), (5, 12, 7), (4, 4, 1)])
def test_drop_block_drops_the_share_that_gamma_implies(height, width, block_size):
    rate, batch, channels = 0.2, 200, 60
    drawn = factors(tfdrop.layers.DropBlock2D(rate, block_size, seed=6), np.ones((batch, height, width, channels)))
    dropped = (drawn == 0).transpose(0, 3, 1, 2).reshape(-1, height, width)
    tall, wide = min(block_size, height), min(block_size, width)
    rows, columns = height - tall + 1, width - wide + 1
    gamma = rate / (tall * wide) * height * width / (rows * columns)
    # A place is kept if none of the corners whose blocks reach it was drawn.
    reaching = np.zeros((height, width))
    for row in range(rows):
        for column in range(columns):
            reaching[row : row + tall, column : column + wide] += 1
    expected = 1 - (1 - gamma) ** reaching
    assert np.abs(dropped.mean(axis=0) - expected).max() < 5 * np.sqrt(0.25 / len(dropped))
    assert 0.8 * rate < expected.mean() <= rate + 1e-9
    np.testing.assert_allclose(drawn.mean(axis=(1, 2, 3)), 1, rtol=1e-5)
    centres = dropped[:, height // 2, width // 2].reshape(batch, channels)
    assert_uncorrelated(centres[1:], centres[:-1])
    assert_uncorrelated(centres[:, 1:], centres[:, :-1])


@pytest.mark.parametrize("rate", [0.1, 0.7])
def test_a_share_of_the_batches_participates(rate):
    participation = tfdrop.layers.Participation(rate, seed=7)
    participation.build(None)

    @tf.function
    def toss_often(count):
        coins = tf.TensorArray("bool", count)
        for index in tf.range(count):
            participation.toss()
            coins = coins.write(index, participation.read())
        return coins.stack()

    coins = toss_often(10_000).numpy()
    assert participation.step == 10_000
    assert abs(coins.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / coins.size)
    assert_uncorrelated(coins[1:], coins[:-1])


def test_no_seed_means_other_draws_and_the_global_seed_the_same():
    def draw(global_seed):
        keras.utils.set_random_seed(global_seed)
        layers = [tfdrop.layers.SpatialScale(0.5), tfdrop.layers.SpatialScale(0.5)]
        return [factors(layer, np.ones((2, 3, 4), "float32")) for layer in layers]

    (first, second), (again, _), (other, _) = draw(1), draw(1), draw(2)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first != other).any()
