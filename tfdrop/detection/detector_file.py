"""A trained detector as one file, as `tfdrop-detect` leaves it.

detector, classes = load_detector("runs/shapes")
[found] = detector.detect([unannotated("a.jpeg")])
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfdrop.classifier import CLASSES
from tfdrop.detection.decoding import Detector
from tfdrop.detection.keras_hub_extra import check_keras_hub

FILE = "detector.keras"


def save_detector(path: str | Path, detector: Any, classes: Sequence[str]) -> None:
    """Writes a detector, which Keras loads, too, once keras_hub and tfdrop are imported.

    Args:
        path: The file; its name ends in `.keras`.
        detector: The `keras_hub.models.RetinaNetObjectDetector`.
        classes: The classes' names.
    """
    detector.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CLASSES, json.dumps(list(classes)))


def load_detector(path: str | Path) -> tuple[Detector, tuple[str, ...]]:
    """Returns a saved detector, ready for images, and the classes' names.

    Args:
        path: What `save_detector` wrote, or the folder of a finished run of `tfdrop-detect`.

    Raises:
        ValueError: If there is no such file, or keras-hub is not installed.
    """
    check_keras_hub()
    import keras
    import keras_hub  # noqa: F401 (registers its classes)

    path = Path(path).expanduser()
    file = path / FILE if path.is_dir() else path
    try:
        with zipfile.ZipFile(file) as archive:
            classes = json.loads(archive.read(CLASSES))
        return Detector(keras.saving.load_model(file, compile=False)), tuple(classes)
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file}: is no detector that tfdrop saved ({error})") from error
