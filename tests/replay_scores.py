"""Prints the scores of a small training by replay, on whatever backend runs it. Nothing in it is drawn by a backend."""

import json

import keras
import numpy as np

from tfdrop.data import StreamedImages
from tfdrop.influence import replay_influence
from tfdrop.training import Training


def scores(streamed=False):
    """Returns the scores of a training with Adam, and batch normalization in training mode.

    Args:
        streamed: Whether the training images are read when they are needed.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(34, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 34)
    layers = keras.layers
    convolution = layers.Conv2D(4, 3, use_bias=False)
    parts = [convolution, layers.BatchNormalization(momentum=0.8), layers.Activation("gelu"), layers.Flatten()]
    penalty = keras.regularizers.L2(0.01)
    model = keras.Sequential([keras.Input((6, 6, 2)), *parts, layers.Dense(3, kernel_regularizer=penalty)])
    model.set_weights([rng.normal(0, 0.3, w.shape) if w.ndim > 1 else w for w in model.get_weights()])
    # With Keras's small epsilon the first steps are signs of gradients, whose derivative is not for float32.
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images = StreamedImages(lambda number: x[number], [str(number) for number in range(24)]) if streamed else x[:24]
    training = Training(model, optimizer, loss, (images, y[:24]), batch_size=8, epochs=2, record=True)
    for _ in training.dispatches():
        pass
    return replay_influence(training, (x[24:], y[24:]), "expected_error", verbose=0).scores


if __name__ == "__main__":
    print(json.dumps([scores(streamed).tolist() for streamed in (False, True)]))
