"""A trained classifier as a run of `tfdrop-classify` leaves it: for images of one's own.

classifier = load_classifier("runs/bees")
for answer in classifier.classify(["a.jpeg", "b.png"]):
    print(answer.file, answer.name, answer.probability)
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.arguments import invalid
from tfdrop.tasks.workdir import SETTINGS

PREPROCESSING = "preprocessing.npz"
BATCH_SIZE = 500


class Answer(NamedTuple):
    """What an image is taken for.

    Attributes:
        file: The image's file.
        name: The class's name.
        probability: How probable the network thinks it is.
    """

    file: str
    name: str
    probability: float


class Classifier(NamedTuple):
    """A network with what images go through before it, and its classes' names.

    Attributes:
        network: The Keras network; its outputs are logits.
        preprocess: Function from uint8 images to what the network takes.
        classes: The classes' names.
        image_shape: `(height, width, channels)` of the images that it was trained on.
        crop_size: Side of the part in the middle that the network sees; 0 for all.
    """

    network: Any
    preprocess: Any
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    crop_size: int = 0

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities of the classes, shape `(n, classes)`.

        Args:
            images: uint8 array of shape `(n, *image_shape)`.

        Raises:
            ValueError: If the images are of another shape or type.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            expected = f"a uint8 array of shape (n, {', '.join(map(str, self.image_shape))})"
            raise invalid("images", expected, received=f"{images.dtype} of shape {images.shape}")
        return class_probabilities(self.network, np.asarray(self.preprocess(images), "float32"), self.crop_size)

    def classify(self, files: Sequence[str | Path]) -> list[Answer]:
        """Returns what the images of some files are taken for, in their order.

        Images of another size than those of the training are resized to that, if it is a square.

        Raises:
            ValueError: If a file cannot be read, or is of another size and that is no square.
        """
        if not files:
            return []
        found = self.probabilities(np.stack([self._read(Path(file)) for file in files]))
        best = found.argmax(axis=1)
        chosen = found[np.arange(len(best)), best]
        return [
            Answer(str(file), self.classes[place], float(probability))
            for file, place, probability in zip(files, best, chosen, strict=True)
        ]

    def _read(self, path):
        from tfdrop.data.images.colour import read_colour_image, resize
        from tfdrop.data.images.grey import read_image

        height, width, channels = self.image_shape
        if channels == 1:
            pixels = np.round(255 * read_image(path).pixels)[..., None].astype("uint8")
        else:
            pixels = read_colour_image(path)
        if pixels.shape[:2] == (height, width):
            return pixels
        if height != width:
            raise ValueError(
                f"{path}: expected an image of {height}x{width}. Received: {'x'.join(map(str, pixels.shape[:2]))}"
            )
        return resize(pixels, height)


def class_probabilities(network: Any, x: np.ndarray, crop_size: int) -> np.ndarray:
    """Returns the probabilities of the classes, shape `(n, classes)`, by a network whose outputs are logits.

    Args:
        network: The Keras network.
        x: Preprocessed images.
        crop_size: Side of the part in the middle that it sees; 0 for all.
    """
    from scipy.special import softmax

    from tfdrop.data.augmentation.evaluation_crops import centre_crop

    x = centre_crop(x, crop_size) if crop_size else x
    return softmax(network.predict(x, batch_size=BATCH_SIZE, verbose=0).astype("float64"), axis=1)


def load_classifier(folder: str | Path) -> Classifier:
    """Returns the last round's network of a finished run of `tfdrop-classify`, ready for images.

    Args:
        folder: The run's folder; of a run with several seeds the first one's network is taken.

    Raises:
        ValueError: If the folder holds no such run.
    """
    import keras

    from tfdrop.data.preprocessing import standardization, whitening

    folder = Path(folder).expanduser()
    try:
        settings = json.loads((folder / SETTINGS).read_text())
        with open(folder / PREPROCESSING, "rb") as raw, np.load(raw) as file:
            saved = dict(file)
        name = f"round_{settings['rounds']}.keras"
        seed = folder / f"seed{settings['seed']}" if settings["seeds"] > 1 else folder
        network = keras.saving.load_model(seed / name, compile=False)
        kinds = {kind.__name__: kind for kind in (standardization.Standardization, whitening.Whitening)}
        kind = kinds[str(saved.pop("kind"))]
        classes, shape = saved.pop("classes"), saved.pop("image_shape")
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{folder}: holds no finished run of tfdrop-classify ({error})") from error
    return Classifier(network, kind(**saved), tuple(classes.tolist()), tuple(shape.tolist()), settings["crop_size"])
