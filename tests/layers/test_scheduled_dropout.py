"""ScheduledDropout against the distribution that Keras's own layers have, and its schedule."""

import keras
import numpy as np
import pytest

import tfdrop
from tfdrop.layers import ScheduledDropout


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("spatial", [False, True])
def test_drops_units_or_maps_and_scales_what_is_kept(spatial, data_format):
    ones = np.ones((40, 5, 6, 50) if data_format == "channels_last" else (40, 50, 5, 6), "float32")
    layer = ScheduledDropout(0.3, spatial=spatial, data_format=data_format, seed=1)
    out = np.array(layer(ones, training=True))
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.7], rtol=1e-6)
    draws = 40 * 50 * (1 if spatial else 30)
    assert abs(np.mean(out == 0) - 0.3) < 5 * np.sqrt(0.21 / draws)
    maps = out if data_format == "channels_last" else out.transpose(0, 2, 3, 1)
    whole = (maps == maps[:, :1, :1]).all(axis=(1, 2))
    assert whole.all() == spatial
    np.testing.assert_array_equal(layer(ones, training=False), ones)


def test_the_rate_rises_in_a_compiled_fit_and_survives_saving(tmp_path):
    layer = ScheduledDropout(tfdrop.schedules.linear(0.0, 0.8, steps=4), spatial=True, seed=1)
    model = keras.Sequential([keras.Input((4, 4, 3)), layer, keras.layers.Conv2D(3, 4), keras.layers.Flatten()])
    model.compile("sgd", "mse", jit_compile=False)
    x, y = np.ones((8, 4, 4, 3), "float32"), np.zeros((8, 3), "float32")
    rates = []
    for _ in range(6):
        model.fit(x, y, batch_size=8, verbose=0)
        rates.append(layer.rate)
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.6, 0.8, 0.8, 0.8], rtol=1e-6)
    model.save(tmp_path / "a.keras")
    [loaded] = [each for each in keras.saving.load_model(tmp_path / "a.keras").layers if "dropout" in each.name]
    assert loaded.get_config() == layer.get_config()
    np.testing.assert_array_equal(loaded(x, training=True), layer(x, training=True))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`rate`\. Expected a float in \[0, 1\)"):
        ScheduledDropout(1.0)
    with pytest.raises(ValueError, match=r"`spatial`\. Expected True or False"):
        ScheduledDropout(0.5, spatial=1)
