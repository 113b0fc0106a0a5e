"""Derivatives of layers that loop, apart from the others: TensorFlow takes seconds to trace each backwards twice."""

import pytest
from derivative_checks import check_on_tensorflow
from derivative_kinds import LOOPS


@pytest.mark.parametrize("name", LOOPS)
def test_on_tensorflow(name):
    check_on_tensorflow(name)
