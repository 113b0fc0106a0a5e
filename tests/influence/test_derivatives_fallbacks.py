"""What takes the place of derivatives that fail their check, and what is said about it."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfdrop.influence import ConjugateGradient, total_influence
from tfdrop.influence.autodiff import DerivativeError, DerivativeWarning, verified_autodiff
from tfdrop.influence.autodiff.evaluation_tensorflow import Evaluation
from tfdrop.influence.autodiff.judge import SEED, probe_vector
from tfdrop.influence.autodiff.reverse_tensorflow import ReverseAutodiff
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.autodiff.verified import Backend, VerifiedAutodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

FORWARD, REVERSE, DIFFERENCES = "forward over backward", "reverse over reverse", "central differences"


@keras.saving.register_keras_serializable("tests")
class Cube(layers.Layer):
    """The elementwise cube, with a gradient that is made one way or another."""

    def __init__(self, gradient):
        super().__init__(name="cube")
        self.cube = {"own": own_gradient, "frozen": frozen_gradient, "wrong": wrong_gradient, "compiled": compiled}[
            gradient
        ]

    def call(self, x):
        return self.cube(x)


@tf.custom_gradient
def own_gradient(x):
    return x**3, lambda cotangent: cotangent * 3 * x**2


@tf.custom_gradient
def frozen_gradient(x):
    """The right gradient, which itself has none with respect to x: a Hessian that lacks a term, and no error."""
    slope = tf.stop_gradient(3 * x**2)
    return x**3, lambda cotangent: cotangent * slope


@tf.custom_gradient
def wrong_gradient(x):
    return x**3, lambda cotangent: cotangent * 3.3 * x**2


@tf.function(jit_compile=True)
def compiled(x):
    return x**3


def problem(*middle, features=3):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((features,)), layers.Dense(4), *middle, layers.Dense(2)])
    x, y = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    return model, x, y[:, :2]


def verified(model, x, y, curvature="hessian"):
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    autodiff.verify(x, y, curvature)
    return autodiff


def methods(autodiff):
    return [check.method for check in autodiff.checks if check.derivative != "gradient"]


def cubic_hessian(model, x, y, vector):
    """Returns the Hessian of the losses' sum times the vector, by NumPy: of tanh-free layers W2 (W1 x + b1)^3 + b2."""
    flat = np.concatenate([np.asarray(variable).ravel() for variable in model.trainable_variables]).astype("float64")

    def gradient(weights):
        w1, b1, w2, b2 = np.split(weights, np.cumsum([12, 4, 8]))
        w1, w2 = w1.reshape(3, 4), w2.reshape(4, 2)
        z = x @ w1 + b1
        errors = z**3 @ w2 + b2 - y  # of the mean over two outputs: the factor 2 / 2
        back = errors @ w2.T * 3 * z**2
        return np.concatenate([(x.T @ back).ravel(), back.sum(0), ((z**3).T @ errors).ravel(), errors.sum(0)])

    step = 1e-6
    return (gradient(flat + step * vector) - gradient(flat - step * vector)) / (2 * step)


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [("own", [FORWARD, FORWARD]), ("frozen", [DIFFERENCES, DIFFERENCES]), ("compiled", [FORWARD, REVERSE])],
)
def test_custom_gradients_and_compiled_functions(gradient, expected):
    model, x, y = problem(Cube(gradient))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DerivativeWarning)
        autodiff = verified(model, x, y)
    if gradient == "compiled":  # how much of forward mode XLA loses is TensorFlow's affair
        assert set(methods(autodiff)) <= {FORWARD, REVERSE}
    else:
        assert methods(autodiff) == expected
    vector = np.random.default_rng(2).normal(size=autodiff.size).astype("float32")
    reference = cubic_hessian(model, x, y, vector)
    found = np.asarray(autodiff.hessian_product(x, y, vector))
    assert np.linalg.norm(found - reference) < 1e-4 * np.linalg.norm(reference)
    messages = [str(warning.message) for warning in said if warning.category is DerivativeWarning]
    assert len(messages) == (set(methods(autodiff)) != {FORWARD})
    for message in messages:
        assert "'cube' (Cube)" in message
    if gradient == "frozen":
        assert "accurate to" in messages[0]
        assert [check.layer for check in autodiff.checks][-1] == "'cube' (Cube)"


def test_a_gradient_that_is_not_that_of_the_loss_is_an_error_that_names_the_layer():
    model, x, y = problem(Cube("wrong"))
    with pytest.raises(DerivativeError, match=r"gradient .*by central differences.*The layer to blame is 'cube' \(Cub"):
        total_influence(model, (x, y), (x, y), loss="mse", solver="cg", verbose=0)


class Off:
    """Derivatives of which one is wrong by a factor in a part of the variables."""

    def __init__(self, autodiff, derivative, factor):
        self._autodiff, self._derivative, self._factor = autodiff, derivative, factor
        self.size = autodiff.size

    def __getattr__(self, name):
        function = getattr(self._autodiff, name)
        if name != self._derivative:
            return function

        def off(*arguments):
            result = np.array(function(*arguments))
            result[: len(result) // 2] *= self._factor
            return result

        return off


@pytest.mark.parametrize("derivative", ["hessian_product", "gauss_newton_product", "directional_derivatives"])
@pytest.mark.parametrize(("factor", "expected"), [(1.0, FORWARD), (0.93, REVERSE), (1.07, REVERSE)])
def test_seven_percent_are_found(derivative, factor, expected):
    model, x, y = problem(layers.Activation("tanh"))
    backend = Backend(lambda *a: Off(Autodiff(*a), derivative, factor), ReverseAutodiff, Evaluation)
    autodiff = VerifiedAutodiff(backend, model, PerSampleLoss("mse"), model.trainable_variables)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DerivativeWarning)
        autodiff.verify(x, y, "gauss_newton" if derivative.startswith("gauss") else "hessian")
    assert {check.derivative: check.method for check in autodiff.checks}[derivative] == expected


class NoSecondDerivatives:
    def __init__(self, autodiff):
        self._autodiff = autodiff
        self.size = autodiff.size

    def __getattr__(self, name):
        return getattr(self._autodiff, name)

    def hessian_product(self, x, y, vector):
        raise LookupError("gradient registry has no entry for: SomeGrad")


def test_gauss_newton_where_second_derivatives_are_missing(monkeypatch):
    model, x, y = problem(layers.Activation("tanh"))
    backend = Backend(
        lambda *a: NoSecondDerivatives(Autodiff(*a)), lambda *a: NoSecondDerivatives(ReverseAutodiff(*a)), Evaluation
    )
    autodiff = VerifiedAutodiff(backend, model, PerSampleLoss("mse"), model.trainable_variables)
    monkeypatch.setattr("tfdrop.influence.problem.verified_autodiff", lambda *_: autodiff)
    with pytest.warns(DerivativeWarning, match=r"no entry for: SomeGrad.*replaced by the Gauss-Newton matrix"):
        found = total_influence(model, (x, y), (x, y), loss="mse", solver="exact", damping=0.1, verbose=0)
    assert found.curvature == "gauss_newton"


def test_relus_that_switch_do_not_fail_the_check():
    keras.utils.set_random_seed(0)
    parts = [part for _ in range(4) for part in (layers.Conv2D(16, 3, padding="same"), layers.ReLU())]
    model = keras.Sequential([keras.Input((16, 16, 3)), *parts, layers.MaxPooling2D(), layers.Flatten()])
    model.add(layers.Dense(3))
    x, y = np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype("float32"), np.arange(8) % 3
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    autodiff = verified_autodiff(model, PerSampleLoss(loss), model.trainable_variables)
    autodiff.verify(x, y, "hessian")
    assert methods(autodiff) == [FORWARD, FORWARD]
    assert all(check.error < 1e-3 for check in autodiff.checks)


def test_samples_that_cancel_along_the_vector_do_not_fail_the_check_of_the_gradient():
    """Where their sum is all but nothing, the ReLUs that switch within a step are more than 3 % of it."""
    keras.utils.set_random_seed(0)
    parts = [part for _ in range(8) for part in (layers.Dense(256), layers.BatchNormalization(), layers.ReLU())]
    model = keras.Sequential([keras.Input((8,)), *parts, layers.Dense(3)])
    x, y = np.random.default_rng(0).normal(size=(500, 8)).astype("float32"), np.zeros(500, int)
    per_sample_loss = PerSampleLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    autodiff = Autodiff(model, per_sample_loss, model.trainable_variables)
    vector = probe_vector(model.trainable_variables, SEED)
    along = np.asarray(autodiff.directional_derivatives(x, y, vector), "float64")
    rng = np.random.default_rng(1)
    chosen = min((rng.permutation(500)[:63] for _ in range(200)), key=lambda some: abs(along[some].sum()))
    others = np.setdiff1d(np.arange(500), chosen)
    chosen = [*chosen, others[np.argmin(np.abs(along[others] + along[chosen].sum()))]]
    assert abs(along[chosen].sum()) < 1e-4 * np.linalg.norm(along[chosen])
    verified = verified_autodiff(model, per_sample_loss, model.trainable_variables)
    verified.gradient(x[chosen], y[chosen])
    assert [check.failures for check in verified.checks] == [{}]


class Float32Only(layers.Layer):
    def call(self, x):
        return tf.matmul(tf.tanh(x), tf.ones((4, 4), tf.float32))


def test_a_layer_that_takes_float32_alone_is_checked_in_float32():
    model, x, y = problem(Float32Only())
    autodiff = verified(model, x, y)
    assert methods(autodiff) == [FORWARD, FORWARD]
    assert all(check.error < 0.03 for check in autodiff.checks)


def test_half_precision_passes():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, x, y = problem(layers.Activation("tanh"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert methods(verified(model, x, y)) == [FORWARD, FORWARD]


def test_the_check_leaves_the_model_as_it_was_and_finds_the_same_twice():
    model, x, y = problem(layers.Activation("tanh"))
    policies = [layer.dtype_policy.name for layer in model._flatten_layers()]
    weights = [np.asarray(weight) for weight in model.weights]
    one, two = (verified(model, x, y).checks for _ in range(2))
    assert one == two
    assert policies == [layer.dtype_policy.name for layer in model._flatten_layers()]
    for before, now in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(before, np.asarray(now))
    assert model(x).dtype == "float32"


def test_labels_that_a_model_fits_without_error_are_no_obstacle():
    model, x, _ = problem(layers.Activation("tanh"))
    verified(model, x, np.asarray(model(x)))
    verified(model, x[:1], np.asarray(model(x[:1])))


def test_every_shape_of_sample_is_checked_once():
    model = keras.Sequential([keras.Input((None, 2)), layers.Conv1D(2, 2, activation="tanh")])
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    vector = np.ones(autodiff.size, "float32")
    for length in (4, 5, 4):
        x, y = np.ones((2, length, 2), "float32"), np.zeros((2, length - 1, 2), "float32")
        for samples in (1, 2):
            autodiff.hessian_product(x[:samples], y[:samples], vector)
    assert [check.derivative for check in autodiff.checks] == ["hessian_product"] * 2


def test_conjugate_gradients_by_differences_are_those_of_the_right_hessian():
    """The frozen gradient's model has the scores of the one that differs in nothing but its second derivative."""
    solver = ConjugateGradient(tolerance=1e-5)
    scores = []
    for gradient in ("own", "frozen"):
        model, x, y = problem(Cube(gradient))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DerivativeWarning)
            found = total_influence(model, (x, y), (x[:2], y[:2]), loss="mse", solver=solver, damping=60.0, verbose=0)
        scores.append(found.scores)
    np.testing.assert_allclose(*scores, atol=1e-4 * np.abs(scores[0]).max())
