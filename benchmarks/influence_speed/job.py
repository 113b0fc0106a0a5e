"""The job that the libraries do: a network, its training samples, and the validation samples that they influence.

    python -m benchmarks.influence_speed.job --job=job.npz --dataset=cifar10 --data_dir=DIR

The CNN has only convolutions, ReLU, pooling and a dense layer, so that every library can take it; ResNet-20 has batch
normalization and shortcuts besides, and pyDVL can take it. Each is trained for a few epochs, not to a minimum, so its
Hessian has negative eigenvalues. The damping makes the damped Hessian definite in the way that `damping="auto"` does,
but by the spectrum on all of the training data.
"""

from pathlib import Path

import numpy as np
from absl import flags

from tfdrop.errors import blaming
from train.program import run

JOB = flags.DEFINE_string("job", "", "The .npz file of the job.")
JOB_NETWORK = flags.DEFINE_enum("job_network", "cnn", ["cnn", "resnet20"], "Network of the job.")
DATASET = flags.DEFINE_string("dataset", "cifar10", "Image set; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
JOB_EPOCHS = flags.DEFINE_integer("job_epochs", 20, "Epochs that the job's network is trained.")
TRAINING_SAMPLES = flags.DEFINE_integer("training_samples", 2000, "Training samples of the job.")
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 200, "Validation samples of the job.")

SIZE = 32
FILTERS = (32, 64, 64)
LANCZOS_STEPS = 20


def network(name="cnn", classes=10):
    """Returns an untrained network, which ends in logits: the CNN, 56,970 parameters for 10 classes, or ResNet-20."""
    from keras import Input, Sequential, layers

    from tfdrop import models

    if name == "resnet20":
        return models.build(name, (SIZE, SIZE, 3), classes)
    convolutions = [layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in FILTERS]
    pooled = [layer for convolution in convolutions[:-1] for layer in (convolution, layers.MaxPooling2D())]
    head = [convolutions[-1], layers.GlobalAveragePooling2D(), layers.Dense(classes)]
    return Sequential([Input((SIZE, SIZE, 3)), *pooled, *head])


def loss():
    from keras.losses import SparseCategoricalCrossentropy

    return SparseCategoricalCrossentropy(from_logits=True)


def gauss_newton(job):
    """Returns an `InfluenceModel` of a `Job`'s arrays with its Gauss-Newton matrix; its making is part of the work."""
    from tfdrop.influence import InfluenceModel

    model = network(job.network)
    model.set_weights(job.weights)
    return InfluenceModel(model, (job.x, job.y), loss(), curvature="gauss_newton", batch_size=100, verbose=0)


def main():
    write_job(JOB.value)


def job_file(folder):
    """Returns the file of the job: the given one, or a new one in a folder."""
    if JOB.value:
        return Path(JOB.value)
    write_job(folder / "job.npz")
    return folder / "job.npz"


def write_job(path):
    """Trains the network, chooses the damping, and writes data, weights and damping to one file."""
    import keras

    keras.utils.set_random_seed(0)
    train, validation, classes = samples()
    model = network(JOB_NETWORK.value, classes)
    model.compile(keras.optimizers.Adam(1e-3), loss())
    model.fit(*train, batch_size=50, epochs=JOB_EPOCHS.value, verbose=0)
    spectrum = hessian_spectrum(model, train)
    np.savez(
        path,
        x=train[0],
        y=train[1],
        x_validation=validation[0],
        y_validation=validation[1],
        network=JOB_NETWORK.value,
        logits=model.predict(validation[0], verbose=0),
        damping=max(-2 * spectrum.smallest, 0.01 * spectrum.largest),
        smallest=spectrum.smallest,
        largest=spectrum.largest,
        **{f"weight_{index:02}": weight for index, weight in enumerate(model.get_weights())},
    )


def samples():
    """Returns training and validation samples, chosen at random, and the number of classes."""
    from tfdrop.data.sets.named import load_image_set

    with blaming("data_dir", DATA_DIR.value):
        images = load_image_set(DATASET.value, DATA_DIR.value, size=SIZE)

    def some(part, count):
        chosen = np.random.default_rng(0).permutation(len(part[1]))[:count]
        x = np.broadcast_to(part[0][chosen] / 127.5 - 1, (len(chosen), SIZE, SIZE, 3))
        return x.astype("float32"), part[1][chosen]

    train, validation = some(images.train, TRAINING_SAMPLES.value), some(images.test, VALIDATION_SAMPLES.value)
    return train, validation, len(images.classes)


def hessian_spectrum(model, train):
    """Returns the extremal eigenvalues of the Hessian of the mean training loss."""
    from tfdrop.data.samples import batches
    from tfdrop.influence.autodiff.tensorflow import Autodiff
    from tfdrop.influence.curvature import Curvature
    from tfdrop.influence.per_sample_loss import PerSampleLoss
    from tfdrop.influence.solvers.spectrum import lanczos

    curvature = Curvature(Autodiff(model, PerSampleLoss(loss())))
    return lanczos(lambda v: curvature.product(v, batches(train, 250)), curvature.size, LANCZOS_STEPS)


if __name__ == "__main__":
    run(main)
