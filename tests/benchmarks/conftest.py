import keras
import pytest
from absl import flags
from benchmark_runs import run_all


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of the benchmarks' toy data and pages."""
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="session")
def runs(folder):
    """Every benchmark's run at toy size, by name."""
    return run_all(folder)


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
