"""Whether keras-hub, which has RetinaNet, and what it needs are there; neither is imported, which takes seconds."""

import importlib.util


def check_keras_hub() -> None:
    """Raises `ValueError` if keras-hub is not installed, or TensorFlow, by which Keras converts boxes."""
    if not _is_installed("keras_hub"):
        raise ValueError('keras-hub, which has RetinaNet, is not installed; this does it: pip install ".[detect]"')
    if not _is_installed("tensorflow"):
        raise ValueError("RetinaNet's boxes need TensorFlow, on any backend of Keras, and it is not installed")


def _is_installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # somebody has put something else in its place
        return False
