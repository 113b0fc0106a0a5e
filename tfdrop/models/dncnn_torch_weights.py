"""DnCNN's weights as the KAIR project's PyTorch code has them, from `.safetensors` files, read without PyTorch.

There the network is one sequence, `model`, of convolutions with biases and ReLUs, in which batch normalization was
folded into the convolutions: `model.0.weight`, `model.0.bias`, `model.2.weight`, ..., kernels as (out, in, 3, 3).
"""

import re
from pathlib import Path

import numpy as np

NAME = re.compile(r"model\.(\d+)\.(weight|bias)")
EXTENSION = ".safetensors"


def read_torch_layers(path: str | Path) -> list[dict[str, np.ndarray]]:
    """Returns the kernels and biases of the convolutions in order, as Keras has them.

    Raises:
        ValueError: If the file is damaged, or holds another network than such a DnCNN.
        ImportError: If the package safetensors is not installed.
    """
    arrays = _read(path)
    found: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        if (match := NAME.fullmatch(name)) is None:
            raise ValueError(_other(f"it has {name}"))
        found.setdefault(int(match[1]), {})[match[2]] = array
    layers = [found[index] for index in sorted(found)]
    if any(name.endswith(".weight") and array.ndim == 1 for name, array in arrays.items()):
        raise ValueError(_other("its batch normalization is not folded"))
    if sorted(found) != list(range(0, 2 * len(found), 2)) or len(found) < 2:
        raise ValueError(_other(f"its layers are {', '.join(f'model.{index}' for index in sorted(found)) or 'none'}"))
    if any(layer.keys() != {"weight", "bias"} for layer in layers):
        raise ValueError(_other("a convolution has no bias, or no kernel"))
    if any(layer["weight"].ndim != 4 or layer["bias"].ndim != 1 for layer in layers):
        raise ValueError(_other("a layer is no convolution"))
    return [
        {"kernel": layer["weight"].transpose(2, 3, 1, 0).astype("float32"), "bias": layer["bias"].astype("float32")}
        for layer in layers
    ]


def _read(path: str | Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ImportError('.safetensors files need `pip install "tfdrop[safetensors]"`') from error
    try:
        return load_file(path)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"the file is damaged, or has numbers that NumPy has not ({error})") from error


def _other(what: str) -> str:
    expected = "model.0.weight, model.0.bias, model.2.weight, ..., as the KAIR project's DnCNN without batch norm"
    return f"the file holds another network: {what}; expected {expected}"
