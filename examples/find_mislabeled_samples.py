"""
Title: Find and drop mislabeled samples
Description: Influence functions find the wrong labels in a training set; drop those samples and train again.

The data is scikit-learn's handwritten digits. A fifth of the training labels are made wrong on purpose, so that we can
count how many of them are found. Takes about half a minute on two CPU cores:

    python examples/find_mislabeled_samples.py
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

from tfdrop import data_dropout, influence

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--train-samples", type=int, default=1000, help="number of training images")
parser.add_argument("--epochs", type=int, default=15, help="epochs of each training")
parser.add_argument("--wrong", type=float, default=0.2, help="share of the training labels that are made wrong")
options = parser.parse_args()

# Keras would compile with XLA, whose convolutions are slower than TensorFlow's own on CPUs.
JIT_COMPILE = keras.backend.backend() != "tensorflow"

"""
## The data

Three sets that share no sample. The validation labels are all correct: influence tells which training samples raise
the loss on that set, so it should be one that you trust. A few hundred checked samples are enough.
"""

images, labels = load_digits(return_X_y=True)
images = (images / 16).astype("float32").reshape(-1, 8, 8, 1)
rng = np.random.default_rng(0)
order = rng.permutation(len(images))
held_out = len(images) - options.train_samples
train_part, validation_part, test_part = np.split(order, [options.train_samples, options.train_samples + held_out // 2])
validation = images[validation_part], labels[validation_part]
test = images[test_part], labels[test_part]

planted = rng.choice(options.train_samples, round(options.wrong * options.train_samples), replace=False)
given = labels[train_part].copy()
given[planted] = (given[planted] + rng.integers(1, 10, len(planted))) % 10
train = images[train_part], given

"""
## The model

One function builds and trains it from scratch, once per round. Nothing in it is specific to tfdrop.
"""


def train_model(train, round):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="gelu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, padding="same", activation="gelu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"], jit_compile=JIT_COMPILE)
    model.fit(*train, epochs=options.epochs, batch_size=50, verbose=0)
    return model


def test_error(model):
    return 100 * (1 - model.evaluate(*test, verbose=0, return_dict=True)["accuracy"])


"""
## Train, find, drop, train again

Conjugate gradients on the Gauss-Newton matrix need no step size, and the matrix has no negative eigenvalues to diverge
on. The cap is the largest number of samples to drop; here we know how many labels are wrong. Without a cap, every
sample with a positive influence is dropped.
"""


def influence_of(model, train, validation):
    return influence.total_influence(
        model, train, validation, solver="cg", curvature="gauss_newton", batch_size=250, verbose=0
    )


first, second = data_dropout.train_rounds(
    train_model,
    train,
    validation,
    criterion=data_dropout.Criterion(cap=len(planted)),
    influence=influence_of,
)

"""
## Compare with chance

A smaller training set changes the test error by itself, so a third model is trained on a set that lacks the same number
of samples, chosen at random.
"""

controls = data_dropout.control_samples(len(given), len(second.samples), seed=0)
control = train_model((train[0][controls.random], train[1][controls.random]), round=2)
dropped_at_random = np.setdiff1d(np.arange(len(given)), controls.random)

"""
## Result

One run on a small test set: a difference of a few images in the test error is within chance, the counts of wrong labels
are not.
"""


def wrong_labels(dropped):
    found = np.intersect1d(dropped, planted).size
    return f"{found} of the {len(dropped)} dropped samples have a wrong label"


print(f"{len(planted)} of {len(given)} training labels are wrong")
print(f"influence: {wrong_labels(first.dropped)}")
print(f"random:    {wrong_labels(dropped_at_random)}")
print(f"test error on {len(test[1])} images:")
print(f"  trained on all samples:        {test_error(first.model):.2f} %")
print(f"  unfavorable samples dropped:   {test_error(second.model):.2f} %")
print(f"  random samples dropped:        {test_error(control):.2f} %")
