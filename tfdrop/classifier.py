"""A trained classifier as one file, from pictures to probabilities of classes, as `tfdrop-classify` leaves it.

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

FILE = "classifier.keras"
CLASSES = "classes.json"  # a member of that file, which Keras passes over
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
    """A model of pictures, and its classes' names.

    Attributes:
        model: Keras model from uint8 images, as they are read, to the probabilities of the classes.
        classes: The classes' names.
    """

    model: Any
    classes: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the images that it takes."""
        return tuple(self.model.input_shape[1:])

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
        return self.model.predict(images, batch_size=BATCH_SIZE, verbose=0)

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


def make_classifier(
    network: Any, preprocess: Any, classes: Sequence[str], image_shape: Sequence[int], crop_size: int = 0
) -> Classifier:
    """Joins a network with what images go through before it.

    Args:
        network: Keras network whose outputs are logits.
        preprocess: A `Standardization` or `Whitening` of `tfdrop.data.preprocessing`.
        classes: The classes' names, in the order of the outputs.
        image_shape: `(height, width, channels)` of the images.
        crop_size: Side of the part in the middle that the network sees; 0 for all.

    Raises:
        ValueError: If there are not as many names as outputs.

    >>> import keras
    >>> from tfdrop.data.preprocessing import Standardization
    >>> network = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> standardize = Standardization(np.float32([120, 120, 120]), np.float32([60, 60, 60]))
    >>> classifier = make_classifier(network, standardize, ["ant", "bee"], (6, 6, 3), crop_size=4)
    >>> classifier.probabilities(np.zeros((5, 6, 6, 3), "uint8")).shape
    (5, 2)
    """
    import keras

    from tfdrop.data.preprocessing.as_layers import preprocessing_layers

    if len(classes) != network.output_shape[-1]:
        expected = f"{network.output_shape[-1]} names, one for each output"
        raise invalid("classes", expected, received=f"{len(classes)}")
    images = x = keras.Input(tuple(image_shape), dtype="uint8", name="images")
    for layer in preprocessing_layers(preprocess, tuple(image_shape)):
        x = layer(x)
    if crop_size:
        x = keras.layers.CenterCrop(crop_size, crop_size)(x)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(network(x, training=False))
    return Classifier(keras.Model(images, probabilities, name="classifier"), tuple(classes))


def save_classifier(path: str | Path, classifier: Classifier) -> None:
    """Writes a classifier as one `.keras` file, which Keras loads, too: `keras.saving.load_model(path)`.

    Args:
        path: The file; its name ends in `.keras`.
        classifier: The `Classifier`.
    """
    classifier.model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CLASSES, json.dumps(list(classifier.classes)))


def load_classifier(path: str | Path) -> Classifier:
    """Returns a saved classifier, ready for images.

    Args:
        path: What `save_classifier` wrote; or the folder of a finished run of `tfdrop-classify`, of which it is the
            last round's, and of several seeds the first one's.

    Raises:
        ValueError: If there is no such file.
    """
    import keras

    path = Path(path).expanduser()
    file = path if path.is_file() else _file_of_run(path)
    try:
        with zipfile.ZipFile(file) as archive:
            classes = json.loads(archive.read(CLASSES))
        return Classifier(keras.saving.load_model(file, compile=False), tuple(classes))
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file}: is no classifier that tfdrop saved ({error})") from error


def _file_of_run(folder):
    found = [folder / FILE, *sorted(folder.glob(f"seed*/{FILE}"), key=lambda path: (len(str(path)), path))]
    file = next((path for path in found if path.is_file()), None)
    if file is None:
        raise ValueError(f"{folder}: holds no finished run of tfdrop-classify, which has a {FILE}")
    return file
