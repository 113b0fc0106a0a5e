"""Each layer equals its NumPy reference, on maps of all shapes and kinds, at several steps."""

import drop_references
import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops

import tfdrop

CASES = {
    "spatial_scale": (tfdrop.layers.SpatialScale, {"rate": 0.6}),
    "select_scale": (tfdrop.layers.SelectScale, {"rate": 0.9, "top_rate": 0.2}),
    "select_scale of all": (tfdrop.layers.SelectScale, {"rate": 1.0, "top_rate": 1.0}),
    "selectout": (tfdrop.layers.Selectout, {"rate": 0.1, "top_rate": 0.2}),
    "selectout of all candidates": (tfdrop.layers.Selectout, {"rate": 0.37, "top_rate": 0.37}),
    "focused_dropout": (tfdrop.layers.FocusedDropout, {}),
    "focused_dropout inverted": (tfdrop.layers.FocusedDropout, {"inverted": True}),
    "focused_dropout per unit": (tfdrop.layers.FocusedDropout, {"gamma": (0.6, 0.9), "gamma_per": "unit"}),
    "focused_dropout fixed": (tfdrop.layers.FocusedDropout, {"gamma": (0.5, 0.5)}),
    "drop_block": (tfdrop.layers.DropBlock2D, {"rate": 0.3, "block_size": 3}),
    "drop_block of 1": (tfdrop.layers.DropBlock2D, {"rate": 0.3, "block_size": 1}),
    "drop_block of 7": (tfdrop.layers.DropBlock2D, {"rate": 0.2}),
}


def make(case, data_format, **more):
    layer, arguments = CASES[case]
    if layer is tfdrop.layers.FocusedDropout:
        more["participation_rate"] = 1.0
    return layer(**arguments, data_format=data_format, **more)


def reference(case, maps, data_format, seed, step):
    return getattr(drop_references, case.split()[0])(maps, data_format, seed, step, **CASES[case][1])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case, seed):
    maps, data_format = drop_references.feature_maps(seed if "block" not in case else 3 * seed + 1)
    layer = make(case, data_format, seed=seed)
    for step in range(3):
        outputs = ops.convert_to_numpy(layer(maps, training=True))
        expected = reference(case, maps, data_format, seed, step)
        np.testing.assert_allclose(outputs, expected, rtol=3e-6, err_msg=f"{maps.shape}, step {step}")
    assert layer.step == 3
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(maps)), maps)
    assert layer.step == 3


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference_in_half_precision(case, policy):
    maps, data_format = drop_references.feature_maps(4)
    half = np.float16 if policy == "mixed_float16" else ml_dtypes.bfloat16
    outputs = make(case, data_format, seed=4, dtype=policy)(maps, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == policy.removeprefix("mixed_")
    expected = reference(case, maps.astype(half), data_format, 4, 0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(outputs, "float32")), expected.astype("float32"), rtol=1e-6
    )


@pytest.mark.parametrize(
    "pooling", [(1, None), (2, None), (3, 2), (3, 1), (20, None), ("global", None)], ids=lambda pooling: str(pooling)
)
@pytest.mark.parametrize("seed", [1, 3, 5])
def test_scores_after_average_pooling(pooling, seed):
    maps, data_format = drop_references.feature_maps(seed)
    maps = np.random.default_rng(seed).normal(size=maps.shape).astype("float32")
    pool_size, pool_strides = pooling
    for layer, case in (
        (tfdrop.layers.SelectScale(0.9, 0.3, pool_size, pool_strides, data_format, seed=1), "select_scale"),
        (tfdrop.layers.Selectout(0.2, 0.3, pool_size, pool_strides, data_format, seed=1), "selectout"),
    ):
        outputs = ops.convert_to_numpy(layer(maps, training=True))
        expected = getattr(drop_references, case)(maps, data_format, 1, 0, layer.rate, 0.3, pooling)
        np.testing.assert_allclose(outputs, expected, rtol=3e-6)


def test_means_are_taken_in_single_precision():
    maps = np.full((1, 16, 16, 2), 100.0, "float16")
    maps[:, :8, :, 1] = 0
    maps[:, 8:, :, 1] = 200
    maps[:, 8, 0, 1] = 200.125
    # The second map's mean is greater by 0.0005: in float16 the two are equal, and the first would keep everything.
    outputs = make("focused_dropout fixed", None, dtype="mixed_float16")(maps, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(outputs)[..., 0] > 0, maps[..., 1] > 0)
