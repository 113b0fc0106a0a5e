"""Reading DnCNN from files: models saved by Keras 3, the original authors' legacy HDF5 weights, and PyTorch's.

The contents of a file are read without a deep-learning backend, so that a wrong file is reported immediately.
"""

import itertools
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py

from tfdrop.models.dncnn_torch_weights import EXTENSION as TORCH_EXTENSION
from tfdrop.models.dncnn_torch_weights import read_torch_layers
from tfdrop.models.trained_for import TrainedFor, read_trained_for

if TYPE_CHECKING:
    import keras

LEGACY_EXTENSIONS = (".h5", ".hdf5")
# What readers raise on damaged or foreign files.
UNREADABLE = (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError, zipfile.BadZipFile)


class ForeignWeightsError(ValueError):
    """What another library's file holds instead of a DnCNN's weights."""


class Topology(NamedTuple):
    """What distinguishes one DnCNN from another: the arguments of `tfdrop.models.DnCNN`."""

    depth: int
    filters: int
    channels: int
    batch_norm: bool = True
    noise_map: bool = False

    def __str__(self) -> str:
        """For messages: DnCNN of 17 layers and 64 maps."""
        more = "" if self.batch_norm else ", its batch normalization folded"
        more += ", which is given the noise level" if self.noise_map else ""
        return f"DnCNN of {self.depth} layers and {self.filters} maps{more}"


def saved_topology(path: str | Path) -> Topology:
    """Returns the `Topology` of the DnCNN in a file.

    Args:
        path: A model saved by Keras 3 (`.keras`), legacy HDF5 weights (`.h5`, `.hdf5`), or weights of the KAIR
            project's PyTorch code (`.safetensors`).

    Raises:
        ValueError: If the file is missing, damaged, of an unknown kind, or contains another network; or if it is one
            of PyTorch and the package safetensors is not installed.

    >>> saved_topology("missing.keras")
    Traceback (most recent call last):
    ValueError: no such file
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError("no such file")
    if path.suffix not in READERS:
        raise ValueError(f"expected a file ending in {', '.join(list(READERS)[:-1])} or {list(READERS)[-1]}")
    try:
        topology, found, expected = READERS[path.suffix](path)
    except ForeignWeightsError:
        raise
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
        The model, not compiled. Its attribute `trained_for` is the `TrainedFor` that the file notes, or `None`.

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

        model = keras.saving.load_model(path, compile=False)
        model.trained_for = read_trained_for(path)
        return model
    model = DnCNN(**topology._asdict())
    layers = [layer for layer in model.layers if layer.weights]
    read = read_torch_layers if Path(path).suffix == TORCH_EXTENSION else _read_legacy_layers
    for arrays, layer in zip(read(path), layers, strict=True):
        for weight in layer.weights:
            weight.assign(arrays[weight.name])
    return model


def noted_training(path: str | Path) -> TrainedFor | None:
    """Returns what a file notes that its weights were trained for, or `None`: only `.keras` files note it.

    Raises:
        ValueError: If the note is damaged.
    """
    return read_trained_for(path) if Path(path).suffix == ".keras" else None


def _saved_by_keras_3(path: Path) -> tuple[Topology, Any, Any]:
    """Returns the topology, the layers that the file has, and those that a DnCNN of that topology has."""
    with zipfile.ZipFile(path) as archive:
        archive.getinfo("model.weights.h5")
        config = json.loads(archive.read("config.json"))["config"]
    layers = [(layer["class_name"], layer["config"]) for layer in config["layers"]]
    convolutions = [settings for name, settings in layers if name == "Conv2D"]
    names = [name for name, _ in layers if name != "Split"]  # of the map from the image, which is not of fixed place
    channels = convolutions[-1]["filters"]
    taken = layers[0][1]["batch_shape"][-1]
    topology = Topology(
        len(convolutions), convolutions[0]["filters"], channels, "BatchNormalization" in names, taken == channels + 1
    )
    normalization = ["BatchNormalization"] * topology.batch_norm
    inner = ["Conv2D", *normalization, "ReLU"] * (topology.depth - 2)
    expected = (
        ["InputLayer", "Conv2D", *inner, "Conv2D", "Subtract"],
        [([3, 3], "same", maps) for maps in [topology.filters] * (topology.depth - 1) + [topology.channels]],
    )
    kernels = [(settings["kernel_size"], settings["padding"], settings["filters"]) for settings in convolutions]
    return topology, (names, kernels), expected


def _saved_by_keras_2(path: Path) -> tuple[Topology, Any, Any]:
    """Returns the topology, the shapes of the file's arrays, and those of a DnCNN of that topology."""
    layers = _read_legacy_layers(path)
    kernels = [arrays["kernel"].shape for arrays in layers if "kernel" in arrays]
    depth, taken, filters, channels = len(kernels), kernels[0][-2], kernels[0][-1], kernels[-1][-1]
    noise_map = taken == channels + 1
    norm = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (filters,))
    inner = [{"kernel": (3, 3, filters, filters)}, norm] * (depth - 2)
    first = {"kernel": (3, 3, channels + noise_map, filters), "bias": (filters,)}
    expected = [first, *inner, {"kernel": (3, 3, filters, channels)}]
    return Topology(depth, filters, channels, noise_map=noise_map), _shapes(layers), expected


def _saved_by_torch(path: Path) -> tuple[Topology, Any, Any]:
    """Returns the topology, the shapes of the file's arrays, and those of a DnCNN of that topology."""
    try:
        layers = read_torch_layers(path)
    except (ImportError, ValueError) as error:
        raise ForeignWeightsError(str(error)) from error
    (_, _, channels, filters), depth = layers[0]["kernel"].shape, len(layers)
    maps = [channels, *[filters] * (depth - 1), channels]
    expected = [{"kernel": (3, 3, taken, given), "bias": (given,)} for taken, given in itertools.pairwise(maps)]
    return Topology(depth, filters, channels, batch_norm=False), _shapes(layers), expected


def _shapes(layers: list[dict[str, Any]]) -> list[dict[str, tuple[int, ...]]]:
    return [{name: array.shape for name, array in arrays.items()} for arrays in layers]


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


READERS = {
    ".keras": _saved_by_keras_3,
    **dict.fromkeys(LEGACY_EXTENSIONS, _saved_by_keras_2),
    TORCH_EXTENSION: _saved_by_torch,
}


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
