"""tfdrop: drop what hurts. Data dropout (influence functions, two-round training) and feature dropout for Keras 3.

Subpackages are imported when they are first used, so that reading images or checking arguments does not wait
for a deep-learning backend. Saved models load after any import of tfdrop all the same (`tfdrop.registration`).
"""

import lazy_loader

from tfdrop.registration import register_with_keras

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cam",
        "checkpoint",
        "classifier",
        "comparison",
        "data",
        "data_dropout",
        "denoising",
        "detection",
        "influence",
        "layers",
        "losses",
        "metrics",
        "models",
        "overlap",
        "plots",
        "schedules",
        "training",
    ],
)

register_with_keras()
