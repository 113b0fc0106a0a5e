"""Reading DnCNN from files: models saved by Keras 3, and the original authors' legacy HDF5 weights.

What a file holds is read without a deep-learning backend, so that a wrong file is reported at once.
"""

import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

LEGACY_EXTENSIONS = (".h5", ".hdf5")


class LegacyLayer(NamedTuple):
    """One layer of a legacy HDF5 file: its name and its arrays by their short names (`kernel`, `gamma`, ...)."""

    name: str
    arrays: dict


def read_legacy_layers(path):
    """Reads the layers that have weights, in their order, from a file of Keras 1 or 2.

    Both forms are read: weights alone, as in the DnCNN authors' `model.h5`, and a whole saved model.

    Raises:
        ValueError: If the file is no such file.
    """
    try:
        with h5py.File(path) as file:
            group = file.get("model_weights", file)
            layers = []
            for layer_name in map(_text, group.attrs["layer_names"]):
                layer = group[layer_name]
                weight_names = [_text(name) for name in layer.attrs["weight_names"]]
                if weight_names:
                    arrays = {name.split("/")[-1].split(":")[0]: layer[name][()] for name in weight_names}
                    layers.append(LegacyLayer(layer_name, arrays))
            return layers
    except (OSError, KeyError) as error:
        raise ValueError("not a legacy Keras HDF5 file, or a damaged one") from error


def saved_depth(path):
    """Returns the number of convolutions in a saved DnCNN.

    Raises:
        ValueError: If the file is missing, damaged, or of an unknown kind.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError("no such file")
    if path.suffix in LEGACY_EXTENSIONS:
        return sum("kernel" in layer.arrays for layer in read_legacy_layers(path))
    if path.suffix == ".keras":
        try:
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))["config"]
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError("not a model saved by Keras 3, or a damaged one") from error
        return sum(layer["class_name"] == "Conv2D" for layer in config.get("layers", []))
    raise ValueError(f"expected a file ending in .keras, {' or '.join(LEGACY_EXTENSIONS)}")


def load_dncnn(path):
    """Loads a DnCNN.

    Args:
        path: A model saved by Keras 3 (`.keras`), or legacy HDF5 weights (`.h5`, `.hdf5`) of DnCNN's topology,
            like the original authors' `model.h5`; depth, filters and channels follow from the file.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If the file is missing, damaged, or holds another network.
    """
    import keras

    from tfdrop.models.dncnn import DnCNN

    depth = saved_depth(path)
    if Path(path).suffix not in LEGACY_EXTENSIONS:
        return keras.saving.load_model(path, compile=False)
    layers = read_legacy_layers(path)
    first = next((layer.arrays["kernel"] for layer in layers if "kernel" in layer.arrays), np.zeros((0,) * 4))
    if depth < 2 or first.ndim != 4:
        raise ValueError(f"not a DnCNN: {depth} convolutions, the first kernel of shape {first.shape}")
    model = DnCNN(depth=depth, filters=first.shape[-1], channels=first.shape[-2])
    expected = [layer for layer in model.layers if layer.weights]
    if len(layers) != len(expected):
        raise ValueError(f"not a DnCNN: {len(layers)} layers with weights, expected {len(expected)}")
    for saved, layer in zip(layers, expected, strict=True):
        _assign(saved, layer)
    return model


def _assign(saved, layer):
    shapes = {weight.name: tuple(weight.shape) for weight in layer.weights}
    saved_shapes = {name: array.shape for name, array in saved.arrays.items()}
    if shapes != saved_shapes:
        raise ValueError(f"not a DnCNN: layer {saved.name} has {saved_shapes}, expected {shapes}")
    for weight in layer.weights:
        weight.assign(saved.arrays[weight.name])


def _text(name):
    return name.decode() if isinstance(name, bytes) else name
