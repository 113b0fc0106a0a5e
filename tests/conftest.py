"""What all tests share: every test starts from the same random state."""

import keras
import pytest


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(7)
