"""Registers tfdrop's classes with Keras, so that a saved model loads after any import of tfdrop.

Subpackages are imported when they are first used, but Keras can only load a class that has been registered, that is,
whose module has been imported. So the modules of all such classes are imported as soon as Keras is: immediately if it
already is, otherwise right after it. Importing tfdrop alone does not import Keras.
"""

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Every module with a class that a saved model may refer to: layers, regularizers, schedules, losses, augmentation,
# the encoder of a detector.
MODULES = (
    "tfdrop.data.augmentation.crop",
    "tfdrop.data.augmentation.dihedral",
    "tfdrop.data.augmentation.flip",
    "tfdrop.data.augmentation.lighting",
    "tfdrop.data.augmentation.resized_crop",
    "tfdrop.data.augmentation.shift",
    "tfdrop.detection.pyramid",
    "tfdrop.layers.drop_block",
    "tfdrop.layers.focused_dropout",
    "tfdrop.layers.magnified_weight_decay",
    "tfdrop.layers.participation",
    "tfdrop.layers.scheduled_dropout",
    "tfdrop.layers.select_scale",
    "tfdrop.layers.selectout",
    "tfdrop.layers.spatial_scale",
    "tfdrop.losses",
    "tfdrop.schedules",
)


def register_with_keras() -> None:
    """Registers all classes now if Keras has been imported, otherwise as soon as it is.

    >>> import keras, tfdrop
    >>> keras.saving.get_registered_object("tfdrop>SelectScale").__name__
    'SelectScale'
    """
    if "keras" in sys.modules:
        _import_modules()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _import_modules() -> None:
    for module in MODULES:
        importlib.import_module(module)


class _KerasFinder:
    """Finds Keras as Python would, and has tfdrop's classes registered once it has been imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "keras":
            return None
        sys.meta_path.remove(self)  # so that the search below does not come back here
        spec = importlib.util.find_spec("keras")
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _import_modules()

            loader.exec_module = execute_and_register
        return spec
