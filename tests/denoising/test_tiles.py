"""Tiles give what the whole image gives."""

import keras
import numpy as np
import pytest
from keras import layers

from tfdrop.denoising import denoise
from tfdrop.denoising.receptive_field import receptive_radius
from tfdrop.denoising.tiles import tiles
from tfdrop.models import DnCNN


@pytest.fixture(scope="module")
def model():
    return DnCNN(depth=4, filters=5, channels=2, seed=3)


def test_every_pixel_is_kept_once_and_has_its_surroundings():
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width, radius, side = (int(rng.integers(*range)) for range in ((1, 900), (1, 90), (0, 20), (1, 200)))
        counts, found = np.zeros((height, width), int), tiles(height, width, radius, side)
        for tile in found:
            counts[tile.kept] += 1
            for seen, kept, inner, length in zip(tile.seen, tile.kept, tile.inner, (height, width), strict=True):
                assert seen.stop - seen.start <= max(side, 4 * radius)
                assert 0 <= seen.start <= max(kept.start - radius, 0)
                assert length >= seen.stop >= min(kept.stop + radius, length)
                assert (seen.start + inner.start, seen.start + inner.stop) == (kept.start, kept.stop)
        assert (counts == 1).all()
        assert len({tuple(each.stop - each.start for each in tile.seen) for tile in found}) == 1


@pytest.mark.parametrize("shape", [(1, 61, 40), (2, 17, 90), (1, 1, 35), (1, 90, 16)])
def test_tiles_give_what_the_whole_image_gives(model, shape):
    images = np.random.default_rng(1).random((*shape, 2), "float32")
    calls = []
    found = denoise(model, images, tile=16, after_tile=lambda: calls.append(1))
    np.testing.assert_allclose(found, np.asarray(model(images, training=False)), atol=2e-6)
    assert len(calls) == shape[0] * len(tiles(*shape[1:], radius=4, side=16)) > 1


def test_a_narrower_overlap_would_show(model, monkeypatch):
    images = np.random.default_rng(1).random((1, 61, 40, 2), "float32")
    monkeypatch.setattr("tfdrop.denoising.arrays.receptive_radius", lambda _: 3)
    difference = np.abs(denoise(model, images, tile=16) - np.asarray(model(images, training=False)))
    assert difference.max() > 1e-4


def test_receptive_radius_is_where_gradients_end():
    """Against what a change of one pixel changes in the output."""
    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(3, 5, padding="same", activation="relu")(inputs)
    x = keras.Sequential([layers.Conv2D(2, 3, padding="same", dilation_rate=2), layers.LeakyReLU()])(x)
    inner = DnCNN(depth=3, filters=3)
    whole = keras.Model(inputs, inner(layers.Conv2D(1, 1)(layers.Concatenate()([inputs, x]))))
    image = np.zeros((1, 41, 41, 1), "float32")
    moved = image.copy()
    moved[0, 20, 20] = 1
    changed = np.nonzero(np.asarray(whole(moved)) != np.asarray(whole(image)))[1]
    assert (
        receptive_radius(whole) is None
    )  # a 1x1 convolution with "valid" padding keeps the size, but is not looked at
    assert receptive_radius(inner) == 3
    same = keras.Model(inputs, inner(layers.Conv2D(1, 1, padding="same")(layers.Concatenate()([inputs, x]))))
    changed = np.nonzero(np.asarray(same(moved)) != np.asarray(same(image)))[1]
    assert receptive_radius(same) == 2 + 2 + 3 == 20 - changed.min() == changed.max() - 20


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(1, 3, padding="same", strides=2),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Concatenate(axis=1),
    ],
)
def test_other_networks_are_computed_whole(layer):
    inputs = keras.Input((None, None, 1))
    inner = [inputs, inputs] if isinstance(layer, layers.Concatenate) else inputs
    model = keras.Model(inputs, layer(inner))
    assert receptive_radius(model) is None
    assert len(tiles(5000, 4000, None)) == 1


def test_an_impossible_tile_is_refused(model):
    with pytest.raises(ValueError, match="argument `tile`"):
        denoise(model, np.zeros((1, 4, 4, 2), "float32"), tile=0)
