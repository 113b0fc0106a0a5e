"""The job that the libraries compete in: a small CNN, its training samples, and the validation samples they act on.

    python -m benchmarks.influence_speed.job --job=job.npz --dataset=cifar10 --data_dir=DIR

The network has convolutions, ReLU, pooling and a dense layer and nothing else, so that every library can take it. It
is trained for a few epochs, not to a minimum, so its Hessian has negative eigenvalues; the damping is twice the most
negative one of all the training data, which is what `damping="auto"` aims at and makes the damped Hessian definite.
"""

import numpy as np
from absl import flags

from train.program import run

JOB = flags.DEFINE_string("job", "", "The .npz file of the job.")
DATASET = flags.DEFINE_string("dataset", "cifar10", "Image set; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
JOB_EPOCHS = flags.DEFINE_integer("job_epochs", 20, "Epochs that the job's network is trained.")

TRAINING_SAMPLES, VALIDATION_SAMPLES = 2000, 200
SIZE = 32
FILTERS = (32, 64, 64)
LANCZOS_STEPS = 30


def network(classes=10):
    """Returns the untrained network, logits out; 56,970 parameters with 10 classes."""
    from keras import Input, Sequential, layers

    convolutions = [layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in FILTERS]
    pooled = [layer for convolution in convolutions[:-1] for layer in (convolution, layers.MaxPooling2D())]
    head = [convolutions[-1], layers.GlobalAveragePooling2D(), layers.Dense(classes)]
    return Sequential([Input((SIZE, SIZE, 3)), *pooled, *head])


def loss():
    from keras.losses import SparseCategoricalCrossentropy

    return SparseCategoricalCrossentropy(from_logits=True)


def main():
    """Trains the network, chooses the damping, and writes data, weights and damping to one file."""
    import keras

    keras.utils.set_random_seed(0)
    train, validation, classes = samples()
    model = network(classes)
    model.compile(keras.optimizers.Adam(1e-3), loss())
    model.fit(*train, batch_size=50, epochs=JOB_EPOCHS.value, verbose=0)
    spectrum = hessian_spectrum(model, train)
    np.savez(
        JOB.value,
        x=train[0],
        y=train[1],
        x_validation=validation[0],
        y_validation=validation[1],
        logits=model.predict(validation[0], verbose=0),
        damping=-2 * spectrum.smallest,
        smallest=spectrum.smallest,
        largest=spectrum.largest,
        training_loss=model.evaluate(*train, verbose=0),
        **{f"weight_{index:02}": weight for index, weight in enumerate(model.get_weights())},
    )


def samples():
    """Returns training and validation samples, chosen at random, and the number of classes."""
    from tfdrop.data.sets.named import load_image_set

    images = load_image_set(DATASET.value, DATA_DIR.value, size=SIZE)

    def some(part, count):
        chosen = np.random.default_rng(0).permutation(len(part[1]))[:count]
        x = np.broadcast_to(part[0][chosen] / 127.5 - 1, (len(chosen), SIZE, SIZE, 3))
        return x.astype("float32"), part[1][chosen]

    return some(images.train, TRAINING_SAMPLES), some(images.test, VALIDATION_SAMPLES), len(images.classes)


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
