"""PyTorch's weights in the form of the KAIR project, against its network computed by SciPy."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.signal import correlate

from tfdrop.models import load_dncnn
from tfdrop.models.dncnn_weights import Topology, saved_topology


def weights(depth=4, filters=3, channels=2, seed=0):
    """Random weights by their names there, kernels as (out, in, 3, 3)."""
    rng = np.random.default_rng(seed)
    maps = [channels, *[filters] * (depth - 1), channels]
    found = {}
    for index in range(depth):
        found[f"model.{2 * index}.weight"] = rng.normal(0, 0.4, (maps[index + 1], maps[index], 3, 3)).astype("float32")
        found[f"model.{2 * index}.bias"] = rng.normal(0, 0.4, maps[index + 1]).astype("float32")
    return found


def reference(weights, image):
    """Computes `image - network(image)` channels first, in double precision."""
    x, last = image, len(weights) - 2
    for index in range(0, last + 1, 2):
        kernel, bias = weights[f"model.{index}.weight"], weights[f"model.{index}.bias"]
        maps = [
            sum(correlate(plane, weight, "same") for plane, weight in zip(x, each, strict=True)) + shift
            for each, shift in zip(kernel.astype("float64"), bias, strict=True)
        ]
        x = np.stack(maps)
        if index < last:
            x = np.maximum(x, 0)
    return image - x


@pytest.mark.parametrize(("depth", "filters", "channels"), [(2, 5, 1), (4, 3, 3), (5, 4, 1)])
def test_denoises_as_pytorch_would(tmp_path, depth, filters, channels):
    path = tmp_path / "dncnn.safetensors"
    arrays = weights(depth, filters, channels)
    save_file(arrays, path)
    assert saved_topology(path) == Topology(depth, filters, channels, batch_norm=False)
    image = np.random.default_rng(1).random((channels, 9, 13))
    found = np.asarray(load_dncnn(path)(image.transpose(1, 2, 0)[None].astype("float32")))[0]
    np.testing.assert_allclose(found.transpose(2, 0, 1), reference(arrays, image), atol=1e-4)


def renamed(old, new):
    return {name.replace(old, new): array for name, array in weights().items()}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (renamed("model.", "dncnn."), "it has dncnn.0.bias"),
        (weights() | {"model.3.running_mean": np.zeros(3, "float32")}, "it has model.3.running_mean"),
        (weights() | {"model.3.weight": np.zeros(3, "float32")}, "its batch normalization is not folded"),
        (renamed("model.4", "model.5"), r"its layers are model\.0, model\.2, model\.5"),
        ({name: array for name, array in weights().items() if name != "model.2.bias"}, "has no bias"),
        (weights(depth=1), "its layers are model.0"),
        (weights() | {"model.2.weight": np.zeros((3, 3), "float32")}, "a layer is no convolution"),
        (weights() | {"model.2.weight": np.zeros((3, 3, 5, 5), "float32")}, "another network than a DnCNN"),
        (weights() | {"model.6.weight": np.zeros((1, 3, 3, 3), "float32")}, "another network than a DnCNN"),
    ],
)
def test_another_network_is_named(tmp_path, arrays, message):
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=message):
        load_dncnn(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"no weights", b"\xff" * 40])
def test_damaged_files(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="the file is damaged"):
        load_dncnn(tmp_path / "a.safetensors")


def test_without_the_package(tmp_path, monkeypatch):
    save_file(weights(), tmp_path / "a.safetensors")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ValueError, match=r'pip install "tfdrop\[safetensors\]"'):
        saved_topology(tmp_path / "a.safetensors")
