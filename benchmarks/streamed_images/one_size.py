"""One number of images, in a process of its own: `python -m benchmarks.streamed_images.one_size FOLDER SIZE STREAMED`.

Prints seconds and memory as JSON.
"""

import json
import sys
import time

import keras
import numpy as np

from benchmarks.measuring import peak_memory, restart_peak_memory
from tfdrop.data import fit_channels, load_image_set
from tfdrop.data.samples import is_streamed
from tfdrop.influence import LiSSA, total_influence
from tfdrop.tasks.classification.networks import classification_loss
from tfdrop.training import Training

BATCH = 64
STEPS = 200
DEPTH, DAMPING = 4, 1.0  # of LiSSA: what is timed is the pass over all samples that follows it


def main(folder, size, streamed):
    found: dict[str, float] = {}
    loss = classification_loss()
    model = _network(size)
    warm = np.zeros((2 * BATCH, size, size, 3), "float32"), np.zeros(2 * BATCH, "int32")
    for _ in Training(model, keras.optimizers.SGD(0.01), loss, warm, BATCH, epochs=1).dispatches():
        pass
    before = restart_peak_memory()

    with timed(found, "opening"):
        images, labels = load_image_set(str(folder), size=size, in_memory=not streamed).train
    with timed(found, "reading"):
        for start in range(0, len(labels), 1000):
            np.asarray(images[start : start + 1000])
    preprocess = fit_channels(images[:5000])
    x = images.map(preprocess) if is_streamed(images) else preprocess(images)
    found["memory before training"] = peak_memory() - before

    training = Training(model, keras.optimizers.SGD(0.01, momentum=0.9), loss, (x, labels), BATCH, epochs=100)
    dispatches = training.dispatches()
    next(dispatches)
    with timed(found, "training"):
        done = training.step
        while training.step < done + STEPS:
            next(dispatches)
        found["steps"] = training.step - done
    dispatches.close()

    validation = np.asarray(x[:BATCH]), labels[:BATCH]
    with timed(found, "influence"):
        solver = LiSSA(depth=DEPTH, batch_size=BATCH, damping=DAMPING, tolerance=0.9)
        total_influence(model, (x, labels), validation, loss=loss, solver=solver, damping=DAMPING, batch_size=256)
    found |= {"images": len(labels), "memory": peak_memory() - before}
    print(json.dumps(found))


def _network(size):
    """Returns a network that is small beside the reading."""
    convolutions = [keras.layers.Conv2D(maps, 3, strides=2, activation="relu") for maps in (16, 32)]
    layers = [*convolutions, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)]
    return keras.Sequential([keras.Input((size, size, 3)), *layers])


class timed:  # noqa: N801
    """Adds the seconds spent inside to a dictionary."""

    def __init__(self, found, name):
        self._found, self._name = found, name

    def __enter__(self):
        self._start = time.perf_counter()

    def __exit__(self, *_):
        self._found[self._name] = time.perf_counter() - self._start


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "streamed")
