"""
Title: SelectScale with a curriculum
Description: Put drop layers into your own Keras model, with a rate that rises while the network trains.

SelectScale multiplies the most active feature maps of each image by random factors, so that the network learns to use
the others too. A curriculum starts gently: the rate is 0 at first and rises over the training. The data is a small part
of scikit-learn's handwritten digits, few enough to overfit. Takes about half a minute on two CPU cores:

    python examples/select_scale_with_a_curriculum.py
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfdrop

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--train-samples", type=int, default=150, help="number of training images")
parser.add_argument("--epochs", type=int, default=30, help="epochs of each training")
parser.add_argument("--seeds", type=int, default=2, help="trainings of each kind, to average")
options = parser.parse_args()

# Keras would compile with XLA, whose convolutions are slower than TensorFlow's own on CPUs.
JIT_COMPILE = keras.backend.backend() != "tensorflow"

"""
## The data
"""

images, labels = load_digits(return_X_y=True)
images = (images / 16).astype("float32").reshape(-1, 8, 8, 1)
train_images, test_images, train_labels, test_labels = train_test_split(
    images, labels, train_size=options.train_samples, stratify=labels, random_state=0
)
batch_size = 25
steps = options.epochs * -(-len(train_images) // batch_size)

"""
## The model

A drop layer goes after the convolution whose maps it scales. It is the identity at inference, so `evaluate` and
`predict` need no change.

A rate is a number or a schedule `step -> rate`. This one rises in a straight line from 0 to 0.9 over the first half of
the training steps, and stays there.
"""


def build(rate):
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for filters in (16, 32):
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        if rate is not None:
            model.add(tfdrop.layers.SelectScale(rate, top_rate=0.2))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"], jit_compile=JIT_COMPILE)
    return model


curriculum = tfdrop.schedules.linear(0.0, 0.9, steps=steps // 2)

"""
## Training

`fit` as usual. `RateLogger` adds the current rate of every drop layer to the logs of an epoch, where callbacks such as
`TensorBoard` and `CSVLogger` find it.
"""


def train(rate, seed):
    keras.utils.set_random_seed(seed)
    model = build(rate)
    history = model.fit(
        train_images,
        train_labels,
        batch_size=batch_size,
        epochs=options.epochs,
        callbacks=[tfdrop.layers.RateLogger()],
        verbose=0,
    )
    return model, history.history


def test_error(model):
    return 100 * (1 - model.evaluate(test_images, test_labels, verbose=0, return_dict=True)["accuracy"])


errors = {"no drop layers": [], "SelectScale": []}
for seed in range(options.seeds):
    for name, rate in zip(errors, (None, curriculum), strict=True):
        model, history = train(rate, seed)
        errors[name].append(test_error(model))

"""
## Result

The rate that the layers had after each epoch, from the last training's logs, and the test errors. A few seeds tell
little about a small difference: see the spread.
"""

rates = next(values for name, values in history.items() if name.endswith("/rate"))
shown = sorted({0, len(rates) // 4, len(rates) // 2, len(rates) - 1})
print("rate after epoch", ", ".join(f"{epoch + 1}: {rates[epoch]:.2f}" for epoch in shown))
for name, values in errors.items():
    listed = ", ".join(f"{value:.2f}" for value in values)
    print(f"test error, {name + ':':16s} {np.mean(values):.2f} % (by seed: {listed})")

"""
## Saving

The model is saved and loaded like any other; `import tfdrop` before `load_model` is enough.
"""

with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "model.keras")
    loaded = keras.saving.load_model(Path(folder) / "model.keras")
print(f"test error, last model saved and loaded: {test_error(loaded):.2f} %")
