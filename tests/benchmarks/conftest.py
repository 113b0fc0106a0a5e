import pytest
from absl import flags


@pytest.fixture
def default_flags():
    """The benchmarks' flags have their default values."""
    flags.FLAGS.mark_as_parsed()
    yield
    flags.FLAGS.unparse_flags()
