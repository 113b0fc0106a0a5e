"""The drop layers' benchmark and picture, at a small size."""

import runpy

import keras
import numpy as np
import pytest
from absl import flags
from programs import ROOT
from skimage.io import imread

from benchmarks.layers import __main__ as benchmark


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["test"])
    monkeypatch.setattr(benchmark, "_SHAPES", ((2, 5, 4, 6), (3, 2, 2, 8)))


@pytest.mark.parametrize("name", benchmark._LAYERS)
def test_layer_passes_run(name):
    run = benchmark.layer_pass(benchmark._LAYERS[name], (2, 5, 4, 6))
    assert np.isfinite([run() for _ in range(3)]).all()


def test_wide_resnet_is_wrn_20_4():
    model = benchmark.wide_resnet(lambda: keras.layers.SpatialDropout2D(0.1))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.SpatialDropout2D)]
    # 1 + 3 groups x 3 blocks x 2, each with its drop layer; two shortcuts that change the number of maps.
    assert len(drops) == 19
    assert len(convolutions) == 19 + 2
    assert {layer.filters for layer in convolutions} == {64, 128, 256}
    weights = 9 * (3 * 64 + 6 * 64**2 + 64 * 128 + 5 * 128**2 + 128 * 256 + 5 * 256**2) + 64 * 128 + 128 * 256
    norms = 4 * (7 * 64 + 6 * 128 + 6 * 256)
    assert model.count_params() == weights + norms + 256 * 10 + 10


def test_ratios_are_medians_over_the_turns():
    seconds = {"SpatialDropout2D": [1.0, 2.0, 4.0], "other": [2.0, 2.0, 12.0]}
    assert benchmark.ratios(seconds) == {"SpatialDropout2D": 1.0, "other": 2.0}


def test_turns_alternate():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in ("first", "second")}
    seconds = benchmark.take_turns(runs, 3)
    assert order == ["first", "first", "second", "second"] + 3 * ["first", "second"]
    assert {name: len(times) for name, times in seconds.items()} == {"first": 3, "second": 3}


def test_the_picture_shows_what_the_layers_do(tmp_path):
    runpy.run_path(str(ROOT / "examples" / "draw_layers.py"))["draw"](tmp_path / "layers.png")
    drawn, committed = (imread(path)[..., :3] for path in (tmp_path / "layers.png", ROOT / "docs" / "layers.png"))
    assert drawn.shape == committed.shape
    assert np.abs(drawn.astype(float) - committed).mean() < 4
