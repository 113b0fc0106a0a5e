import keras
import pytest
from absl import flags


@pytest.fixture
def default_flags():
    """The benchmarks' flags have their default values."""
    flags.FLAGS.mark_as_parsed()
    yield
    flags.FLAGS.unparse_flags()


@pytest.fixture
def dense():
    """A function that builds a small smooth network for three classes."""

    def build(shape):
        return keras.Sequential([keras.Input(shape), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(3)])

    return build
