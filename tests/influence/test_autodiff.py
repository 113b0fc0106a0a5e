import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import SoftmaxRegression, smooth_denoiser, windows

from tfdrop.influence.autodiff.judge import relative_distance
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.losses import HalfSumSquaredError


@pytest.fixture(scope="module")
def network():
    model, x, y = smooth_denoiser()
    return model, Autodiff(model, PerSampleLoss(HalfSumSquaredError())), x, y


def random_vector(autodiff, seed=1):
    return np.random.default_rng(seed).normal(size=autodiff.size).astype("float32")


def move(model, vector, step):
    """Adds step * vector to the trainable variables."""
    start = 0
    for variable in model.trainable_variables:
        size = int(np.prod(variable.shape))
        variable.assign_add(step * vector[start : start + size].reshape(variable.shape))
        start += size


def gradient_difference(model, autodiff, x, y, vector, step):
    """Returns the central difference of the gradient along the vector: the Hessian times it."""
    move(model, vector, step)
    above = autodiff.gradient(x, y).numpy()
    move(model, vector, -2 * step)
    below = autodiff.gradient(x, y).numpy()
    move(model, vector, step)
    return (above - below) / (2 * step)


def relative_error(found, expected):
    found, expected = np.asarray(found, "float64"), np.asarray(expected, "float64")
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_hessian_product_is_the_finite_difference_of_gradients(network):
    model, autodiff, x, y = network
    vector = random_vector(autodiff)
    expected = gradient_difference(model, autodiff, x, y, vector, step=3e-3)
    assert relative_error(autodiff.hessian_product(x, y, vector), expected) < 2e-3


def test_hessian_product_is_that_of_reverse_over_reverse(network):
    model, autodiff, x, y = network
    vector = random_vector(autodiff)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = 0.5 * tf.reduce_sum((model(x, training=False) - y) ** 2)
        gradients = inner.gradient(loss, variables)
        product = tf.tensordot(tf.concat([tf.reshape(g, [-1]) for g in gradients], 0), vector, 1)
    expected = tf.concat([tf.reshape(g, [-1]) for g in outer.gradient(product, variables)], 0)
    assert relative_error(autodiff.hessian_product(x, y, vector), expected) < 1e-5


def test_gauss_newton_product_is_that_of_the_jacobian(network):
    model, autodiff, x, y = network
    vector = random_vector(autodiff)
    with tf.GradientTape() as tape:
        outputs = tf.reshape(model(x, training=False), [-1])
    jacobian = tape.jacobian(outputs, [variable.value for variable in model.trainable_variables])
    jacobian = np.concatenate([part.numpy().reshape(len(outputs), -1) for part in jacobian], 1).astype("float64")
    assert relative_error(autodiff.gauss_newton_product(x, y, vector), jacobian.T @ (jacobian @ vector)) < 1e-5


def test_directional_derivatives_are_the_single_gradients_times_the_vector(network):
    _, autodiff, x, y = network
    vector = random_vector(autodiff)
    single = [autodiff.gradient(x[i : i + 1], y[i : i + 1]).numpy() @ vector for i in range(len(x))]
    assert relative_error(autodiff.directional_derivatives(x, y, vector), single) < 1e-5


@pytest.mark.parametrize("product", ["hessian_product", "gauss_newton_product"])
def test_linear_convolution_against_numpy(product):
    """For a linear model and squared errors both matrices are the sum of w w^T over all windows w."""
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same", use_bias=False)])
    autodiff = Autodiff(model, PerSampleLoss(HalfSumSquaredError()))
    x, y = np.random.default_rng(0).normal(size=(2, 3, 6, 4, 1)).astype("float32")
    vector = random_vector(autodiff)
    rows = windows(x).reshape(-1, 9)
    assert relative_error(getattr(autodiff, product)(x, y, vector), rows.T @ (rows @ vector)) < 1e-5


@pytest.mark.parametrize("product", ["hessian_product", "gauss_newton_product"])
def test_softmax_regression_against_numpy(product):
    problem = SoftmaxRegression()
    autodiff = Autodiff(problem.model, PerSampleLoss(problem.model.loss))
    vector = random_vector(autodiff)
    found = getattr(autodiff, product)(problem.x, problem.y, vector) / len(problem.x)
    expected = problem.hessian() @ vector
    assert relative_error(found + autodiff.penalty_product(vector), expected) < 1e-5


def test_variables_that_the_loss_does_not_reach_count_as_zero():
    inputs = keras.Input((2,))
    unused = keras.layers.Dense(2, name="unused")
    used = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, [used, unused(inputs)])
    first_output = keras.Model(inputs, used)
    first_output.unused = unused
    assert len(first_output.trainable_variables) == len(model.trainable_variables)
    autodiff = Autodiff(first_output, PerSampleLoss("mse"))
    x, y = np.ones((3, 2), "float32"), np.zeros((3, 1), "float32")
    vector = random_vector(autodiff)
    for result in (
        autodiff.gradient(x, y),
        autodiff.hessian_product(x, y, vector),
        autodiff.gauss_newton_product(x, y, vector),
    ):
        assert result.shape == (autodiff.size,)
        assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("loss", "join"),
    [(HalfSumSquaredError(), "half sum"), ("mse", "mean"), (keras.losses.MeanSquaredError(), "mean"),
     (keras.losses.MeanSquaredError(reduction="sum"), "sum of means")],
)  # fmt: skip
def test_per_sample_loss_joins_inner_axes_as_the_reduction_says(loss, join):
    y, y_pred = np.random.default_rng(0).normal(size=(2, 5, 4, 3, 1)).astype("float32")
    squares = (y - y_pred) ** 2
    expected = {
        "half sum": 0.5 * squares.sum((1, 2, 3)),
        "mean": squares.mean((1, 2, 3)),
        "sum of means": squares.mean(3).sum((1, 2)),
    }[join]
    np.testing.assert_allclose(PerSampleLoss(loss)(y, y_pred), expected, rtol=1e-5)


@pytest.mark.parametrize(("y_shape", "loss"), [((6,), "binary_crossentropy"), ((6,), "hinge"), ((6, 1), "mse")])
def test_per_sample_loss_is_what_fit_computes(y_shape, loss):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss=loss)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)).astype("float32"), rng.integers(0, 2, y_shape)
    losses = PerSampleLoss(loss)(y, model(x))
    assert losses.shape == (6,)
    assert float(np.mean(losses)) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)


@pytest.mark.parametrize(
    ("activation", "loss", "labels"),
    [
        (None, keras.losses.SparseCategoricalCrossentropy(from_logits=True), (3, (8,))),
        ("softmax", keras.losses.CategoricalFocalCrossentropy(), (2, (8, 3))),
        ("sigmoid", "mse", (2, (8, 3))),
        (None, "mae", (2, (8, 3))),
    ],
)
def test_gauss_newton_through_any_output_and_loss(activation, loss, labels):
    """Against J^T (second derivative of the loss, by differences of its gradient) J."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.integers(0, *labels[:1], labels[1])
    compute = PerSampleLoss(loss)
    autodiff = Autodiff(model, compute)
    vector = random_vector(autodiff)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = tf.identity(model(x))
    jacobian = tape.jacobian(outputs, variables)
    jacobian = np.concatenate([part.numpy().reshape(24, -1) for part in jacobian], 1).astype("float64")

    def loss_gradient(at):
        at = tf.constant(at)
        with tf.GradientTape() as tape:
            tape.watch(at)
            loss = tf.reduce_sum(compute(y, at))
        return tape.gradient(loss, at).numpy().astype("float64")

    tangent, step = (jacobian @ vector).reshape(8, 3), 1e-3
    at = outputs.numpy().astype("float64")
    scale = step / np.abs(tangent).max()
    above, below = (loss_gradient((at + sign * scale * tangent).astype("float32")) for sign in (1, -1))
    expected = jacobian.T @ ((above - below) / (2 * scale)).ravel()
    found = autodiff.gauss_newton_product(x, y, vector).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-2 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("curvature", ["gauss_newton_product", "hessian_product"])
@pytest.mark.parametrize(
    ("activation", "loss", "arguments", "labels"),
    [
        ("softmax", "SparseCategoricalCrossentropy", {}, (5,)),
        ("softmax", "CategoricalCrossentropy", {"label_smoothing": 0.2}, (5, 3)),
        ("softmax", "CategoricalCrossentropy", {"reduction": "sum"}, (5, 2, 3)),
        ("sigmoid", "BinaryCrossentropy", {}, (5, 3)),
        ("sigmoid", "BinaryCrossentropy", {"label_smoothing": 0.1}, (5, 2, 3)),
    ],
)
def test_curvature_from_probabilities_is_that_from_logits(activation, loss, arguments, labels, curvature):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, *labels[1:-1], 4)).astype("float32")
    y = rng.integers(0, 3, labels) if loss.startswith("Sparse") else np.eye(3)[rng.integers(0, 3, labels[:-1])]
    inputs = keras.Input(x.shape[1:])
    logits = keras.layers.Dense(3)(keras.layers.Dense(6, activation="tanh")(inputs))
    products = []
    for from_logits, outputs in ((True, logits), (False, keras.layers.Activation(activation)(logits))):
        per_sample_loss = PerSampleLoss(getattr(keras.losses, loss)(from_logits=from_logits, **arguments))
        autodiff = Autodiff(keras.Model(inputs, outputs), per_sample_loss)
        products.append(getattr(autodiff, curvature)(x, y, random_vector(autodiff)))
    assert relative_error(*products) < 1e-4


@pytest.mark.parametrize(
    ("loss", "shape"),
    [(lambda y_true, y_pred: keras.ops.mean((y_true - y_pred) ** 2), r"\(\)"),
     (lambda y_true, y_pred: keras.ops.sum((y_true - y_pred) ** 2, axis=0), r"\(3,\)")],
)  # fmt: skip
def test_a_loss_that_is_not_per_sample_is_refused(loss, shape):
    with pytest.raises(ValueError, match=rf"argument `loss`.*one number a sample, shape \(5,\).*gives shape {shape}"):
        PerSampleLoss(loss)(np.zeros((5, 3)), np.ones((5, 3)))


def test_chosen_variables_have_their_block_of_the_whole():
    problem = SoftmaxRegression()
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3)(keras.layers.Dense(5, activation="tanh", kernel_regularizer="l2")(inputs))
    model = keras.Model(inputs, outputs)
    whole, last = (
        Autodiff(model, PerSampleLoss(problem.model.loss), variables)
        for variables in (None, model.layers[-1].trainable_variables)
    )
    tail = slice(whole.size - last.size, None)
    vector = random_vector(last)
    padded = np.zeros(whole.size, "float32")
    padded[tail] = vector
    data = (problem.x, problem.y)
    for product in ("hessian_product", "gauss_newton_product", "directional_derivatives"):
        expected = np.asarray(getattr(whole, product)(*data, padded))
        expected = expected if product == "directional_derivatives" else expected[tail]
        assert relative_error(getattr(last, product)(*data, vector), expected) < 1e-5
    assert relative_error(last.gradient(*data), whole.gradient(*data)[tail]) < 1e-5
    assert not np.any(last.penalty_product(vector))


def test_embeddings_have_a_hessian():
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(5, 3), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    autodiff = Autodiff(model, PerSampleLoss("mse"))
    x, y = np.array([[0, 1], [1, 1], [4, 2]]), np.ones((3, 1), "float32")
    vector = random_vector(autodiff)
    expected = gradient_difference(model, autodiff, x, y, vector, step=1e-2)
    assert relative_error(autodiff.hessian_product(x, y, vector), expected) < 2e-3


@pytest.mark.parametrize(("loss", "error"), [(None, ValueError), (["mse", "mse"], TypeError), ("no_such", ValueError)])
def test_losses_that_do_not_fit(loss, error):
    with pytest.raises(error, match="loss"):
        PerSampleLoss(loss)


@pytest.mark.parametrize(("found", "expected", "distance"), [(0, 0, 0), (3, 2, 0.5), (1e-9, 0, np.inf), (0, -4, 1)])
def test_distances_are_relative_to_what_is_expected(found, expected, distance):
    assert relative_distance(np.array([found]), np.array([expected])) == distance
