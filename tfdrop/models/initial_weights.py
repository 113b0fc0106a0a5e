"""Initial weights that depend on a seed and on the layer's name alone."""

import hashlib
from typing import Any

import keras

from tfdrop.arguments import check_whole


def check_seed(seed: int | None) -> int | None:
    """Returns `seed`, or raises `ValueError` if it is neither None nor an integer of at least 0."""
    return seed if seed is None else check_whole("seed", seed, lowest=0)


def seeded(initializer: Any, seed: int | None, layer_name: str) -> Any:
    """Returns an initializer whose draws depend on a seed and a layer's name alone.

    Without a seed of its own, a Keras initializer takes one from Python's random stream when it is made. Every layer
    that is made before and takes a seed too, such as an augmentation or a drop layer, then changes the weights of all
    layers that follow, so that two networks that differ in nothing but a drop layer start from different weights.

    Args:
        initializer: A Keras initializer or its name. If it draws at random, its own seed is replaced; if it does not,
            or is a function, it is returned as it is.
        seed: Integer seed of the run, or None to return the initializer as it is.
        layer_name: Name of the layer whose weights are drawn.

    >>> first, again, other = (seeded("he_normal", 3, name)((3, 3, 2, 4)) for name in ("conv1", "conv1", "conv2"))
    >>> bool(keras.ops.all(first == again)), bool(keras.ops.any(first == other))
    (True, False)
    """
    if seed is None:
        return initializer
    initializer = keras.initializers.get(initializer)
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    if "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": layer_seed(seed, layer_name)})


def layer_seed(seed: int, layer_name: str) -> int:
    """Returns the seed of a layer's initial weights: 31 bits of a hash, the same in every process and on every machine.

    >>> layer_seed(0, "stem_conv") != layer_seed(1, "stem_conv") != layer_seed(1, "group1_block1_conv1")
    True
    """
    digest = hashlib.sha256(f"{seed}/{layer_name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
