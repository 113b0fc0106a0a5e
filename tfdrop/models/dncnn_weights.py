"""Reading DnCNN from files: models saved by Keras 3, and the original authors' legacy HDF5 weights.

The contents of a file are read without a deep-learning backend, so that a wrong file is reported immediately.
"""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py

if TYPE_CHECKING:
    import keras

LEGACY_EXTENSIONS = (".h5", ".hdf5")
# What readers raise on damaged or foreign files.
UNREADABLE = (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError, zipfile.BadZipFile)


class Topology(NamedTuple):
    """What distinguishes one DnCNN from another: the arguments of `tfdrop.models.DnCNN`."""

    depth: int
    filters: int
    channels: int


def saved_topology(path: str | Path) -> Topology:
    """Returns the `Topology` of the DnCNN in a file.

    Args:
        path: A model saved by Keras 3 (`.keras`), or legacy HDF5 weights (`.h5`, `.hdf5`).

    Raises:
        ValueError: If the file is missing, damaged, of an unknown kind, or contains another network.

    >>> saved_topology("missing.keras")
    Traceback (most recent call last):
    ValueError: no such file
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError("no such file")
    if path.suffix not in (".keras", *LEGACY_EXTENSIONS):
        raise ValueError(f"expected a file ending in .keras, {' or '.join(LEGACY_EXTENSIONS)}")
    try:
        topology, found, expected = (_saved_by_keras_3 if path.suffix == ".keras" else _saved_by_keras_2)(path)
    except UNREADABLE as error:
        raise ValueError("the file is damaged or holds no DnCNN") from error
    if found != expected:
        raise ValueError("the file holds another network than a DnCNN")
    return topology


def load_dncnn(path: str | Path) -> "keras.Model":
    """Loads a DnCNN.

    Args:
        path: As for `saved_topology`; the original authors' `model.h5` is one of these files.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: As `saved_topology` does.

    >>> import tempfile
    >>> from tfdrop.models import DnCNN
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     DnCNN(depth=3, filters=4).save(f"{folder}/small.keras")
    ...     load_dncnn(f"{folder}/small.keras").name
    'dncnn'
    """
    from tfdrop.models.dncnn import DnCNN

    topology = saved_topology(path)
    if Path(path).suffix == ".keras":
        import keras

        return keras.saving.load_model(path, compile=False)
    model = DnCNN(**topology._asdict())
    layers = [layer for layer in model.layers if layer.weights]
    for arrays, layer in zip(_read_legacy_layers(path), layers, strict=True):
        for weight in layer.weights:
            weight.assign(arrays[weight.name])
    return model


def _saved_by_keras_3(path: Path) -> tuple[Topology, Any, Any]:
    """Returns the topology, the layers that the file has, and those that a DnCNN of that topology has."""
    with zipfile.ZipFile(path) as archive:
        archive.getinfo("model.weights.h5")
        config = json.loads(archive.read("config.json"))["config"]
    layers = [(layer["class_name"], layer["config"]) for layer in config["layers"]]
    convolutions = [settings for name, settings in layers if name == "Conv2D"]
    topology = Topology(len(convolutions), convolutions[0]["filters"], convolutions[-1]["filters"])
    inner = ["Conv2D", "BatchNormalization", "ReLU"] * (topology.depth - 2)
    expected = (
        ["InputLayer", "Conv2D", *inner, "Conv2D", "Subtract"],
        [([3, 3], "same", maps) for maps in [topology.filters] * (topology.depth - 1) + [topology.channels]],
    )
    kernels = [(settings["kernel_size"], settings["padding"], settings["filters"]) for settings in convolutions]
    return topology, ([name for name, _ in layers], kernels), expected


def _saved_by_keras_2(path: Path) -> tuple[Topology, Any, Any]:
    """Returns the topology, the shapes of the file's arrays, and those of a DnCNN of that topology."""
    layers = _read_legacy_layers(path)
    kernels = [arrays["kernel"].shape for arrays in layers if "kernel" in arrays]
    depth, channels, filters = len(kernels), kernels[0][-2], kernels[0][-1]
    norm = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (filters,))
    inner = [{"kernel": (3, 3, filters, filters)}, norm] * (depth - 2)
    first = {"kernel": (3, 3, channels, filters), "bias": (filters,)}
    expected = [first, *inner, {"kernel": (3, 3, filters, channels)}]
    found = [{name: array.shape for name, array in arrays.items()} for arrays in layers]
    return Topology(depth, filters, channels), found, expected


def _read_legacy_layers(path: str | Path) -> list[dict[str, Any]]:
    """Returns the arrays of the layers that have any, in order, by their short names (`kernel`, `gamma`, ...).

    Both forms are supported: weights alone, as in the DnCNN authors' `model.h5`, and a complete saved model.
    """
    with h5py.File(path) as file:
        group = file.get("model_weights", file)
        layers = []
        for layer in (group[_text(name)] for name in group.attrs["layer_names"]):
            names = [_text(name) for name in layer.attrs["weight_names"]]
            if names:
                layers.append({name.split("/")[-1].split(":")[0]: layer[name][()] for name in names})
        return layers


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
