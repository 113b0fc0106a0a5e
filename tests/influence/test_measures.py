"""Measures other than the training loss in the classical engine, and which losses they fit."""

import keras
import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.influence import ConjugateGradient, Exact, influence_matrix, total_influence
from tfdrop.influence.measures import measure_loss
from tfdrop.losses import ExpectedError

DAMPING = 0.05


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=40)


def expected_matrix(problem):
    """Eq. (1) with the gradients of 1 - p(label) on the right, by NumPy: shape (n, k)."""
    x, y = problem.x_validation, problem.y_validation
    p = problem.probabilities(x)
    own = p[np.arange(len(y)), y]
    errors = own[:, None] * (p - np.eye(p.shape[1])[y])
    targets = np.einsum("nf,nc->nfc", x, errors).reshape(len(x), -1)
    solution = np.linalg.solve(problem.hessian() + DAMPING * np.eye(targets.shape[1]), targets.T)
    return -problem.gradients(problem.x, problem.y) @ solution


def arguments_of(problem, **more):
    validation = problem.x_validation, problem.y_validation
    return {
        "model": problem.model, "train": (problem.x, problem.y), "validation": validation, "damping": DAMPING,
        "verbose": 0, "measure": "expected_error",
    } | more  # fmt: skip


@pytest.mark.parametrize("solver", [ConjugateGradient(tolerance=1e-5), Exact()])
def test_influence_on_the_expected_error(problem, solver):
    expected = expected_matrix(problem)
    matrix = influence_matrix(**arguments_of(problem, solver=solver))
    total = total_influence(**arguments_of(problem, solver=solver))
    np.testing.assert_allclose(matrix.scores, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(total.scores, expected.sum(1), atol=1e-3 * np.abs(expected.sum(1)).max())
    np.testing.assert_allclose(matrix.scores.sum(1), total.scores, atol=1e-3 * np.abs(total.scores).max())


def test_a_keras_loss_as_measure(problem):
    loss = ExpectedError("sparse_categorical", from_logits=True)
    one, two = (total_influence(**arguments_of(problem, solver=Exact(), measure=m)) for m in (loss, "expected_error"))
    np.testing.assert_array_equal(one.scores, two.scores)


@pytest.mark.parametrize("function", [total_influence, influence_matrix])
def test_labels_out_of_range_are_refused(problem, function):
    validation = problem.x_validation, problem.y_validation + 1
    with pytest.raises(ValueError, match=r"argument `validation`. Expected labels from 0 to 2. Received: 3 in sample"):
        function(**arguments_of(problem, validation=validation))


@pytest.mark.parametrize(
    ("loss", "kind", "from_logits"),
    [
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "sparse_categorical", True),
        ("sparse_categorical_crossentropy", "sparse_categorical", False),
        (keras.losses.CategoricalCrossentropy(), "categorical", False),
        ("categorical_crossentropy", "categorical", False),
        (keras.losses.CategoricalFocalCrossentropy(from_logits=True), "categorical", True),
        (keras.losses.BinaryCrossentropy(from_logits=True), "binary", True),
        (keras.losses.binary_crossentropy, "binary", False),
        ("binary_focal_crossentropy", "binary", False),
    ],
)
def test_the_expected_error_takes_labels_and_outputs_as_the_loss_does(loss, kind, from_logits):
    found = measure_loss("expected_error", loss)
    assert (found.kind, found.from_logits) == (kind, from_logits)


@pytest.mark.parametrize("loss", ["mse", keras.losses.MeanSquaredError(), keras.losses.Huber(), lambda y, p: y - p])
def test_the_expected_error_belongs_to_classes(loss):
    with pytest.raises(
        ValueError, match='"expected_error" belongs to a cross-entropy of classes; for others use "loss"'
    ):
        measure_loss("expected_error", loss)
