"""Whether keras-hub, which has RetinaNet, is there; it is not imported, which takes seconds."""

import importlib.util


def check_keras_hub() -> None:
    """Raises `ValueError` if keras-hub is not installed."""
    if importlib.util.find_spec("keras_hub") is None:
        raise ValueError('keras-hub, which has RetinaNet, is not installed; this does it: pip install ".[detect]"')
