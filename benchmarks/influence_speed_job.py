"""The job that the libraries compete in: a small CNN, its training samples, and the validation samples they act on.

    python -m benchmarks.influence_speed_job job.npz --data_dir=DIR

The network has convolutions, ReLU, pooling and a dense layer and nothing else, so that every library can take it. It
is trained for a few epochs, not to a minimum, so its Hessian has negative eigenvalues; the damping is twice the most
negative, as `damping="auto"` takes it.
"""

from pathlib import Path

import numpy as np
from absl import app, flags

DATA_DIR = flags.DEFINE_string("data_dir", "", "Folder with tfds's cifar10; patches of embedded photographs if empty.")
EPOCHS = flags.DEFINE_integer("job_epochs", 20, "Epochs that the job's network is trained.")

TRAINING_SAMPLES, VALIDATION_SAMPLES, CLASSES = 2000, 200, 10
FILTERS = (32, 64, 64)
LANCZOS_STEPS = 30


def network():
    """Returns the untrained network: 56,970 parameters, logits out."""
    from keras import Input, Sequential, layers

    convolutions = [layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in FILTERS]
    pooled = [part for convolution in convolutions[:-1] for part in (convolution, layers.MaxPooling2D())]
    head = [convolutions[-1], layers.GlobalAveragePooling2D(), layers.Dense(CLASSES)]
    return Sequential([Input((32, 32, 3)), *pooled, *head])


def loss():
    from keras.losses import SparseCategoricalCrossentropy

    return SparseCategoricalCrossentropy(from_logits=True)


def make_job(path):
    """Trains the network, chooses the damping, and writes data, weights and damping to one file."""
    import keras

    keras.utils.set_random_seed(0)
    (x, y), (x_validation, y_validation) = cifar10(DATA_DIR.value) if DATA_DIR.value else photograph_patches()
    model = network()
    model.compile(keras.optimizers.Adam(1e-3), loss(), metrics=["accuracy"])
    model.fit(x, y, batch_size=50, epochs=EPOCHS.value, verbose=0)
    model.evaluate(x_validation, y_validation, verbose=2)
    spectrum = hessian_spectrum(model, x, y)
    weights = {f"weight_{index:02}": weight for index, weight in enumerate(model.get_weights())}
    np.savez(
        path,
        x=x,
        y=y,
        x_validation=x_validation,
        y_validation=y_validation,
        logits=model.predict(x_validation, verbose=0),
        damping=-2 * spectrum.smallest,
        smallest=spectrum.smallest,
        largest=spectrum.largest,
        **weights,
    )


def hessian_spectrum(model, x, y):
    """Returns the extremal eigenvalues of the Hessian of the mean training loss."""
    from tfdrop.influence.autodiff_tensorflow import Autodiff
    from tfdrop.influence.curvature import Curvature
    from tfdrop.influence.per_sample_loss import per_sample_loss
    from tfdrop.influence.spectrum import lanczos

    autodiff = Autodiff(model, per_sample_loss(loss()))
    curvature = Curvature(autodiff, (x, y))
    return lanczos(lambda v: curvature.product(v, np.arange(len(x)), 250), curvature.size, LANCZOS_STEPS)


def cifar10(data_dir):
    """Returns the first training and test images of CIFAR-10 in an order of our own."""
    import tensorflow_datasets as tfds

    def samples(split, count):
        images, labels = tfds.load("cifar10", split=split, data_dir=data_dir, batch_size=-1, as_supervised=True)
        chosen = np.random.default_rng(0).permutation(len(labels))[:count]
        return scaled(images.numpy()[chosen]), labels.numpy()[chosen].astype("int32")

    return samples("train", TRAINING_SAMPLES), samples("test", VALIDATION_SAMPLES)


def photograph_patches():
    """Returns patches of the photographs that scikit-image ships; the class is the photograph."""
    from tfdrop.data.photographs import TEST, TRAINING, photographs

    rng = np.random.default_rng(0)
    images = [image.pixels for image in photographs((TRAINING + TEST)[:CLASSES])]

    def samples(count):
        labels = rng.integers(0, CLASSES, count)
        corners = [rng.integers(0, np.subtract(images[label].shape[:2], 31)) for label in labels]
        patches = [
            images[label][top : top + 32, left : left + 32].reshape(32, 32, 1)
            for label, (top, left) in zip(labels, corners, strict=True)
        ]
        return scaled(255 * np.repeat(patches, 3, axis=-1)), labels.astype("int32")

    return samples(TRAINING_SAMPLES), samples(VALIDATION_SAMPLES)


def scaled(images):
    return (images / 127.5 - 1).astype("float32")


def main(arguments):
    make_job(Path(arguments[1]))


if __name__ == "__main__":
    app.run(main)
