"""The classifiers that are trained: networks of a few thousand weights on some images, seconds each on a processor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import tfdrop
from benchmarks.influence_validity.images import Images, Samples, load_images

BATCH_SIZE = 50
MOMENTUM = 0.9


@dataclass(frozen=True)
class Setup:
    """A training of a classifier that a benchmark asks.

    Attributes:
        title: What the tables call it.
        build: Function `image shape -> network` with random weights of Keras's global seed.
        learning_rate: Learning rate of the SGD with momentum, or its first.
        epochs: Number of epochs.
        standardized: Whether images are standardized by the training set's channels; else they are from 0 to 1.
        halved: Whether images are averaged to half of their sides, so that a processor trains on them in a quarter of
            the time.
        falls: Whether the learning rate falls to 0 along half a cosine; else it is constant.
    """

    title: str
    build: Callable[[tuple[int, ...]], Any]
    learning_rate: float
    epochs: int = 12
    standardized: bool = True
    halved: bool = False
    falls: bool = False
    measures: ClassVar[Mapping[str, str]] = {"loss": "cross-entropy", "expected_error": "expected error"}

    @property
    def variant(self) -> str:
        """What else the name of the bank's folder has to say."""
        return "_falling" * self.falls

    def load(self, dataset: str, data_dir: str | None, samples: int, validation: int) -> tuple[Samples, Images]:
        """Returns training samples and all the images, preprocessed, from a prepared data set.

        Raises:
            UserError: If it is not there.
        """
        return prepared(self, load_images(dataset, data_dir, validation), samples)

    def training(self, train: Samples, seed: int, record: Any = False, weights: np.ndarray | None = None) -> Any:
        """Returns a `tfdrop.training.Training` that has not begun."""
        import keras

        from tfdrop.training import Training

        keras.utils.set_random_seed(seed)
        model = self.build(train[0].shape[1:])
        steps = self.epochs * -(-len(train[0]) // BATCH_SIZE)
        rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, steps) if self.falls else self.learning_rate
        optimizer = keras.optimizers.SGD(rate, momentum=MOMENTUM)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return Training(model, optimizer, loss, train, BATCH_SIZE, self.epochs, seed, weights, record=record)

    def asked(self, run: Any) -> Any:
        """Returns the model of a training that is measured and asked."""
        return run.model

    def measured(self, model: Any, samples: Samples) -> list[float]:
        """Returns the `measures` summed over labelled samples, and how many the model gets wrong, from its logits."""
        x, y = samples
        logits = model.predict(x, batch_size=500, verbose=0).astype("float64")
        log_p = logits - np.log(np.sum(np.exp(logits - logits.max(1, keepdims=True)), 1, keepdims=True))
        own = (log_p - logits.max(1, keepdims=True))[np.arange(len(y)), y]
        return [float(-own.sum()), float((1 - np.exp(own)).sum()), int((logits.argmax(1) != y).sum())]

    def description(self, train: Samples, validation: Samples) -> str:
        """Returns a sentence that says what is trained and on how much."""
        rate = f"learning rate {self.learning_rate}" + ", falling to 0 along half a cosine" * self.falls
        return (
            f"{len(train[0])} training samples, {len(validation[0])} validation samples; {self.epochs} epochs of SGD, "
            f"momentum {MOMENTUM}, {rate}, batches of {BATCH_SIZE}; "
            + ("standardized images" if self.standardized else "images from 0 to 1, not standardized")
            + f" of {'x'.join(map(str, train[0].shape[1:3]))} pixels."
        )


def small_cnn(shape: tuple[int, ...], activation: str) -> Any:
    """Returns three strided convolutions, average pooling and a dense layer: 57,000 weights on RGB images."""
    import keras
    from keras import layers

    convolutions = [
        layers.Conv2D(filters, 3, strides=2, padding="same", activation=activation) for filters in (32, 64, 64)
    ]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    return keras.Sequential([keras.Input(shape), *convolutions, *head])


def resnet8(shape: tuple[int, ...], augments: bool = False, activation: str = "relu") -> Any:
    """Returns ResNet-8 with batch normalization, at the end of crops and flips if asked for."""
    from tfdrop.data.augmentation.flip import RandomHorizontalFlip
    from tfdrop.data.augmentation.shift import RandomShift

    augmentation = [RandomShift(shape[0] // 8), RandomHorizontalFlip()] if augments else []
    return tfdrop.models.build("resnet8", shape, 10, input_layers=augmentation, activation=activation)


def prepared(setup: Setup, images: Images, samples: int) -> tuple[Samples, Images]:
    """Returns the first training samples and all the images, preprocessed as the setup says."""
    from tfdrop.data import fit_channels

    train = images.first(samples)
    prepare = fit_channels(train[0]) if setup.standardized else lambda x: x
    parts = [train, images.train, images.validation, images.test]
    train, *others = ((_halved(prepare(x)) if setup.halved else prepare(x), y) for x, y in parts)
    return train, Images(images.name, images.classes, *others)


def _halved(x):
    """Returns images whose pixels are the means of squares of four."""
    count, height, width, channels = x.shape
    return x.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def trained(setup: Setup, train: Samples, seed: int, sample_weights: np.ndarray | None = None) -> Any:
    """Returns a network, trained; what Keras kept of it elsewhere is cleared."""
    import keras

    run = setup.training(train, seed, weights=sample_weights)
    for _ in run.dispatches():
        pass
    keras.backend.clear_session()
    return run.model
