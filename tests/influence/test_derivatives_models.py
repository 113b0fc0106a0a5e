"""Derivatives and influence of whole networks, against gradients by Keras in float64 and their differences."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.applications.efficientnet import EfficientNet  # of any depth

from tfdrop.data_dropout import Criterion, train_rounds
from tfdrop.influence import total_influence
from tfdrop.influence.autodiff import DerivativeWarning, verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.models import DenseNet, ResNeXt

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LAST = 20  # trainable variables
APPLICATIONS = {
    "MobileNetV2": (lambda: keras.applications.MobileNetV2((32, 32, 3), 0.35, weights=None, classes=2), 32),
    "EfficientNet": (lambda: EfficientNet(1.0, 0.3, 32, input_shape=(32, 32, 3), weights=None, classes=2), 32),
    "ConvNeXtTiny": (lambda: keras.applications.ConvNeXtTiny(input_shape=(32, 32, 3), weights=None, classes=2), 32),
    "DenseNet": (lambda: DenseNet((8, 8, 3), 2, depth=10, growth_rate=3), 8),
}  # fmt: skip


class InFloat64:
    """A model's copy in float64, and the gradient of the summed losses with respect to some of its variables.

    Args:
        build: Function that builds the model in the type that Keras's policy says.
        model: The model.
        position: Function from a model to the variables.
        per_sample: Function `(y, outputs) -> losses` with TensorFlow.
    """

    def __init__(self, build, model, position, per_sample):
        keras.config.set_dtype_policy("float64")
        try:
            self.model = build()
        finally:
            keras.config.set_dtype_policy("float32")
        self.model.set_weights([np.asarray(weight, "float64") for weight in model.get_weights()])
        self.variables = position(self.model)
        self.values = [np.asarray(variable, "float64") for variable in self.variables]
        self._per_sample = per_sample
        self._traced = tf.function(self._gradient, reduce_retracing=True)

    def gradient(self, x, y, shift=None):
        """Returns the gradient, flat, and the losses, at weights shifted by a vector."""
        sizes = np.cumsum([value.size for value in self.values])
        parts = np.split(np.zeros(sizes[-1]) if shift is None else shift, sizes[:-1])
        for variable, value, part in zip(self.variables, self.values, parts, strict=True):
            variable.assign(value + part.reshape(value.shape))
        losses, gradients = self._traced(x, y)
        return np.concatenate([np.ravel(gradient) for gradient in gradients]), np.asarray(losses)

    def _gradient(self, x, y):
        with tf.GradientTape() as tape:
            losses = self._per_sample(y, self.model(x, training=False))
        return losses, [tf.convert_to_tensor(g) for g in tape.gradient(losses, [v.value for v in self.variables])]

    def scores(self, train, validation, damping, step=1e-6):
        """Returns eq. (1), with the Hessian written out by differences of gradients."""
        size = sum(value.size for value in self.values)
        columns = [self._difference(train, step * unit)[0] / step for unit in np.eye(size)]
        matrix = np.array(columns) / len(train[0]) + damping * np.eye(size)
        solution = np.linalg.solve((matrix + matrix.T) / 2, self.gradient(*validation)[0])
        return -self._difference(train, step * solution)[1] / step

    def _difference(self, data, shift):
        above, below = self.gradient(*data, shift), self.gradient(*data, -shift)
        return [(a - b) / 2 for a, b in zip(above, below, strict=True)]


def cross_entropy(y, outputs):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(y, "int32"), outputs)


def cross_entropy_of_probabilities(y, outputs):
    return -tf.math.log(tf.gather(outputs, tf.cast(y, "int32"), axis=1, batch_dims=1))


def last_variables(model):
    return model.trainable_variables[-LAST:]


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.non_trainable_weights:
        if weight.path.endswith(("mean", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))


@pytest.mark.parametrize("name", APPLICATIONS)
@pytest.mark.filterwarnings("ignore::tfdrop.influence.autodiff.DerivativeWarning")
def test_of_networks(name):
    """Over their last variables at once, as tracing whole networks takes minutes."""
    if name == "ConvNeXtTiny" and not os.environ.get("TFDROP_EVERY_KIND"):
        pytest.skip("takes four minutes: set TFDROP_EVERY_KIND=1; a block of it is among the kinds of layers")
    build, pixels = APPLICATIONS[name]
    keras.utils.set_random_seed(0)
    model = build()
    randomize(model)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, pixels, pixels, 3)).astype("float32"), np.array([0, 1])
    logits = name == "DenseNet"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    variables = last_variables(model)
    autodiff = verified_autodiff(model, PerSampleLoss(loss), variables)
    sizes = [np.std(np.asarray(v)) + 0.1 for v in variables]
    shapes = [v.shape for v in variables]
    vector = np.concatenate([s * rng.normal(size=np.prod(shape)) for s, shape in zip(sizes, shapes, strict=True)])
    vector = 0.1 * vector.astype("float32")
    reference = InFloat64(build, model, last_variables, cross_entropy if logits else cross_entropy_of_probabilities)
    step = 1e-6
    product, directional = (change / step for change in reference._difference((x, y), step * vector))
    assert autodiff.verify(x, y, "hessian") == "hessian"
    found = np.asarray(autodiff.hessian_product(x, y, vector))
    assert np.linalg.norm(found - product) < 1e-3 * np.linalg.norm(product)
    found = np.asarray(autodiff.directional_derivatives(x, y, vector))
    assert np.linalg.norm(found - directional) < 1e-3 * np.linalg.norm(directional)
    method = "reverse over reverse" if name == "ConvNeXtTiny" else "forward over backward"  # grouped convolutions
    assert [check.method for check in autodiff.checks] == ["backward", method, method]


def test_two_rounds_of_data_dropout_with_a_resnext():
    """Its influences, over a grouped convolution's weights, equal the reference."""

    def build():
        return ResNeXt((4, 4, 1), 2, depth=11, cardinality=2, width=1)

    def grouped(model):
        return [v for v in model.trainable_variables if v.shape[:2] == (3, 3) and v.shape[2] * 2 == v.shape[3]][-1:]

    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    x = (rng.normal(size=(12, 4, 4, 1)) + y[:, None, None, None]).astype("float32")
    validation = (x[::-1][:6] + 0.1, y[::-1][:6])

    def train_model(train, number):
        keras.utils.set_random_seed(number)
        model = build()
        model.compile("sgd", loss=LOSS, run_eagerly=True)  # tracing takes longer than two steps
        model.fit(*train, epochs=1, batch_size=6, verbose=0)
        return model

    def influence(model, train, validation):
        with pytest.warns(DerivativeWarning, match=r"reverse over reverse.*layer to blame is .*\(Conv2D\)"):
            return total_influence(
                model, train, validation, solver="exact", damping=0.5, variables=grouped(model), verbose=0
            )

    rounds = train_rounds(train_model, (x, y), validation, rounds=2, criterion=Criterion(cap=3), influence=influence)
    assert 0 < len(rounds[0].dropped) <= 3
    assert len(rounds[1].samples) == 12 - len(rounds[0].dropped)
    reference = InFloat64(build, rounds[0].model, grouped, cross_entropy)
    expected = reference.scores((x, y), validation, 0.5)
    np.testing.assert_allclose(rounds[0].influence.scores, expected, atol=1e-3 * np.abs(expected).max())


def test_a_text_classifier_with_an_lstm_is_scored():
    def build():
        return keras.Sequential(
            [keras.Input((5,), dtype="int32"), layers.Embedding(7, 2, mask_zero=True), layers.LSTM(2), layers.Dense(2)]
        )

    keras.utils.set_random_seed(0)
    model = build()
    rng = np.random.default_rng(0)
    words, y = rng.integers(1, 7, (10, 5)), rng.integers(0, 2, 10)
    words[np.arange(5) >= rng.integers(2, 6, (10, 1))] = 0  # sentences of two to five words
    model.compile("adam", loss=LOSS)
    model.fit(words, y, verbose=0)
    with pytest.warns(DerivativeWarning, match=r"'lstm\w*' \(LSTM\)"):
        found = total_influence(model, (words, y), (words[:4], y[:4]), solver="exact", damping=0.3, verbose=0)
    reference = InFloat64(build, model, lambda m: m.trainable_variables, cross_entropy)
    expected = reference.scores((words, y), (words[:4], y[:4]), 0.3)
    np.testing.assert_allclose(found.scores, expected, atol=1e-3 * np.abs(expected).max())
    assert np.abs(expected).max() > 0
