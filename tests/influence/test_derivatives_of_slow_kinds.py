"""Derivatives of kinds that take long, apart from the others, so that two processes share them.

Loops take TensorFlow seconds to trace backwards twice; of a block of ConvNeXt several layers are tried one by one.
"""

import pytest
from derivative_checks import check_on_tensorflow
from derivative_kinds import SLOW


@pytest.mark.parametrize("name", SLOW)
def test_on_tensorflow(name):
    check_on_tensorflow(name)
