"""Small problems whose curvature and influence NumPy computes exactly, on its own."""

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class SoftmaxRegression:
    """Softmax regression with an L2 term, its Keras model, and the same quantities by NumPy in float64."""

    def __init__(self, samples=60, features=4, classes=3, l2=0.05, seed=0):
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(samples, features)).astype("float32")
        self.y = rng.integers(0, classes, samples)
        self.x_validation = rng.normal(size=(20, features)).astype("float32")
        self.y_validation = rng.integers(0, classes, 20)
        self.l2 = l2
        dense = keras.layers.Dense(classes, use_bias=False, kernel_regularizer=keras.regularizers.L2(l2), name="dense")
        self.model = keras.Sequential([keras.Input((features,)), dense])
        self.model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        dense.kernel.assign(0.3 * rng.normal(size=(features, classes)))
        self.weights = np.asarray(dense.kernel, "float64")

    def probabilities(self, x):
        logits = np.asarray(x, "float64") @ self.weights
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        return exponentials / exponentials.sum(1, keepdims=True)

    def gradients(self, x, y):
        """Per-sample gradients of the cross-entropy, shape (n, features * classes)."""
        errors = self.probabilities(x) - np.eye(self.weights.shape[1])[y]
        return np.einsum("nf,nc->nfc", x, errors).reshape(len(x), -1)

    def hessian(self):
        """Hessian of the mean cross-entropy plus the L2 term, which Keras counts as l2 * sum of squares."""
        p = self.probabilities(self.x)
        blocks = np.einsum("nc,cd->ncd", p, np.eye(p.shape[1])) - np.einsum("nc,nd->ncd", p, p)
        size = self.weights.size
        hessian = np.einsum("nf,ng,ncd->fcgd", self.x, self.x, blocks).reshape(size, size) / len(self.x)
        return hessian + 2 * self.l2 * np.eye(size)

    def scores(self, damping):
        """Eq. (1) summed over the validation samples, with the exact inverse."""
        target = self.gradients(self.x_validation, self.y_validation).sum(0)
        solution = np.linalg.solve(self.hessian() + damping * np.eye(target.size), target)
        return -self.gradients(self.x, self.y) @ solution


def smooth_denoiser(seed=0):
    """A small convolutional network without kinks, batch statistics included, and data for it."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(inputs)
    x = layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same", use_bias=False)(x))
    x = layers.Activation("softplus")(x)
    model = keras.Model(inputs, layers.Add()([inputs, layers.Conv2D(1, 3, padding="same")(x)]))
    rng = np.random.default_rng(seed)
    for weight in model.non_trainable_weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    x, y = rng.normal(size=(2, 6, 7, 5, 1)).astype("float32")
    return model, x, y


def windows(x):
    """Returns all 3x3 windows of images, shape (n, height, width, 9), zeros beyond the border."""
    padded = np.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    return sliding_window_view(padded, (3, 3), axis=(1, 2)).reshape(*x.shape[:3], 9)
