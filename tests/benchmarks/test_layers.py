"""What the benchmark of the drop layers times, and the picture of the layers."""

import runpy

import keras
import numpy as np
import pytest
from programs import ROOT
from skimage.io import imread

from benchmarks.layers.compared import layer_makers
from benchmarks.layers.layer_pass import layer_pass
from benchmarks.layers.training_step import wide_resnet


@pytest.mark.parametrize("name", layer_makers())
def test_layer_passes_run(name):
    run = layer_pass(layer_makers()[name], (2, 5, 4, 6))
    assert np.isfinite([run() for _ in range(3)]).all()


def test_wide_resnet_is_wrn_20_4():
    model = wide_resnet(lambda: keras.layers.SpatialDropout2D(0.1))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.SpatialDropout2D)]
    # 1 + 3 groups x 3 blocks x 2, each with its drop layer; two shortcuts that change the number of maps.
    assert len(drops) == 19
    assert len(convolutions) == 19 + 2
    assert {layer.filters for layer in convolutions} == {64, 128, 256}
    weights = 9 * (3 * 64 + 6 * 64**2 + 64 * 128 + 5 * 128**2 + 128 * 256 + 5 * 256**2) + 64 * 128 + 128 * 256
    norms = 4 * (7 * 64 + 6 * 128 + 6 * 256)
    assert model.count_params() == weights + norms + 256 * 10 + 10


def test_the_picture_shows_what_the_layers_do(tmp_path):
    runpy.run_path(str(ROOT / "docs" / "draw_layers.py"))["draw"](tmp_path / "layers.png")
    drawn, committed = (imread(path)[..., :3] for path in (tmp_path / "layers.png", ROOT / "docs" / "layers.png"))
    assert drawn.shape == committed.shape
    assert np.abs(drawn.astype(float) - committed).mean() < 4
