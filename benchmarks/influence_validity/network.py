"""The small CNN of the validity benchmark, its training from a seed, and what tells about samples without influence."""

import keras
import numpy as np
from keras import ops

from benchmarks.influence_validity.images import Samples

EPOCHS = 10
BATCH_SIZE = 32
L2 = 5e-4


def network(shape=(28, 28, 1), classes=10) -> keras.Model:
    """Returns a CNN of three strided convolutions and a dense layer, compiled: 6,266 weights on MNIST."""
    layers = keras.layers

    def convolution(filters, size):
        penalty = keras.regularizers.L2(L2)
        return layers.Conv2D(filters, size, strides=2, padding="same", activation="relu", kernel_regularizer=penalty)

    dense = layers.Dense(classes, kernel_regularizer=keras.regularizers.L2(L2))
    parts = [convolution(8, 5), convolution(16, 3), convolution(16, 3), layers.Flatten(), dense]
    model = keras.Sequential([keras.Input(shape), *parts])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, steps_per_execution=16)
    model.optimizer.build(model.trainable_variables)
    return model


class Trainer:
    """Trains one compiled network again and again. A seed determines the initial weights and the order of the samples.

    Args:
        x: Array of images.
        y: Array of classes.
        classes: How many classes there are.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, classes: int):
        self._x, self._y, self._classes = x, y, classes
        self.model = self._new_network()
        self._initial_state = [np.array(variable) for variable in self.model.optimizer.variables]

    def _new_network(self) -> keras.Model:
        return network(self._x.shape[1:], self._classes)

    def train(self, samples: np.ndarray, seed: int) -> keras.Model:
        """Trains on the samples with these indices. Returns the model; the next training replaces its weights."""
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self._new_network().get_weights())
        for variable, value in zip(self.model.optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        order = np.concatenate([rng.permutation(samples) for _ in range(EPOCHS)])
        # One pass over all epochs at once, so that the order is ours on every backend.
        self.model.fit(self._x[order], self._y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        return self.model


def losses(model: keras.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the cross-entropy of each sample."""
    logits = model.predict(x, batch_size=500, verbose=0)
    return np.asarray(ops.sparse_categorical_crossentropy(y, logits, from_logits=True))


def gradient_norms(model: keras.Model, loss: keras.losses.Loss, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the norm of the gradient of each sample's loss, without the weight penalty."""
    from tfdrop.influence.autodiff import verified_autodiff
    from tfdrop.influence.per_sample_loss import PerSampleLoss

    autodiff = verified_autodiff(model, PerSampleLoss(loss), model.trainable_variables)
    gradients = (autodiff.gradient(x[i : i + 1], y[i : i + 1]) for i in range(len(x)))
    return np.array([np.linalg.norm(ops.convert_to_numpy(gradient)) for gradient in gradients])


def simple_scores(
    model: keras.Model, loss: keras.losses.Loss, losses: np.ndarray, train: Samples, seed: int
) -> dict[str, np.ndarray]:
    """Returns by name what ranks training samples without influence, one number for each sample."""
    return {
        "training loss": losses,
        "gradient norm": gradient_norms(model, loss, *train),
        "random": np.random.default_rng(seed).normal(size=len(train[0])),
    }
