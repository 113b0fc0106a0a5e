"""The networks, each built once a session and never run."""

import functools
from typing import NamedTuple

import keras
import pytest

import tfdrop


class Built(NamedTuple):
    """A network, and the sites that it offers."""

    model: keras.Model
    sites: list


@functools.cache
def _build(name):
    sites = []

    def drop(site):
        sites.append(site)
        return keras.layers.Dropout(0.1) if len(sites) == 1 else None

    imagenet = name.endswith("_imagenet")
    side, classes = (224, 1000) if imagenet else (32, 10)
    # Zeros, as drawing tens of millions of weights takes seconds.
    model = tfdrop.models.build(name, (side, side, 3), classes, drop=drop, kernel_initializer="zeros")
    return Built(model, sites)


@pytest.fixture
def built():
    """A function from a network's name to the network and its sites."""
    return _build
