"""The small CNN of the influence benchmarks, its training from a seed, and what can be had without influence."""

import keras
import numpy as np
from keras import ops

EPOCHS = 10
BATCH_SIZE = 32
L2 = 5e-4


def network(shape=(28, 28, 1), classes=10):
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
    """Trains one compiled network again and again from seeds: initial weights and order of the samples.

    Args:
        x: Array of images.
        y: Array of classes.
    """

    def __init__(self, x, y):
        self._x, self._y = x, y
        self.model = network(x.shape[1:])
        self._rested = [np.array(variable) for variable in self.model.optimizer.variables]

    def train(self, samples, seed):
        """Trains on the samples of these numbers. Returns the model, whose weights the next training replaces."""
        keras.utils.set_random_seed(seed)
        self.model.set_weights(network(self._x.shape[1:]).get_weights())
        for variable, value in zip(self.model.optimizer.variables, self._rested, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        order = np.concatenate([rng.permutation(samples) for _ in range(EPOCHS)])
        # One pass over all of the epochs, so that the order is ours on every backend.
        self.model.fit(self._x[order], self._y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        return self.model


def losses(model, x, y):
    """Returns every sample's cross-entropy."""
    logits = model.predict(x, batch_size=500, verbose=0)
    return np.asarray(ops.sparse_categorical_crossentropy(y, logits, from_logits=True))


def gradient_norms(model, x, y):
    """Returns the norm of every sample's loss gradient."""
    from tfdrop.influence.problem import Problem

    problem = Problem(model, (x, y), None, "gauss_newton", 0.0, None, batch_size=500, seed=0, verbose=0)
    gradients = (problem.autodiff.gradient(x[i : i + 1], y[i : i + 1]) for i in range(len(x)))
    return np.array([np.linalg.norm(ops.convert_to_numpy(gradient)) for gradient in gradients])
