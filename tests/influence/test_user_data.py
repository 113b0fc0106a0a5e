"""Data as people have it gives the scores of arrays, or one sentence that says what is wrong."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import SoftmaxRegression
from programs import ROOT

from tfdrop.influence import InfluenceModel, total_influence
from tfdrop.influence.backend import check_backend

SAMPLES = 21


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=SAMPLES)


def scores(problem, train, loss=None, model=None):
    arguments = {"solver": "exact", "damping": 0.05, "verbose": 0, "batch_size": 64}
    validation = (problem.x_validation, problem.y_validation)
    if loss is not None:
        validation = train
    return total_influence(model or problem.model, train, validation, loss=loss, **arguments).scores


def pandas_columns(x, y):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(x, columns=list("abcd")), pandas.DataFrame({"label": y})["label"]


CONVERTED = {
    "lists": lambda x, y: (x.tolist(), y.tolist()),
    "labels as a list": lambda x, y: (x, list(y)),
    "tensors": lambda x, y: (tf.constant(x), tf.constant(y)),
    "columns of labels": lambda x, y: (x, y[:, None]),
    "objects": lambda x, y: (x, y.astype(object)),
    "labels as floats": lambda x, y: (x.astype("float64"), y.astype("float64")),
    "batches of lists": lambda x, y: [(x[:9].tolist(), y[:9].tolist()), (x[9:].tolist(), y[9:].tolist())],
    "batches with an empty one": lambda x, y: [(x[:9], y[:9]), (x[9:9], y[9:9]), (x[9:], y[9:])],
    "pandas": pandas_columns,
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_other_containers_have_the_scores_of_arrays(problem, kind):
    expected = problem.scores(0.05)
    found = scores(problem, CONVERTED[kind](problem.x, problem.y))
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def one_hot(y):
    return np.eye(3)[y]


def unbatched(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y))


REFUSED = {
    "strings": (
        lambda x, y: (x, np.array(["cat", "dog", "cow"])[y]),
        None,
        r"labels that are numbers.*'\w{3}' in sample 0",
    ),
    "one-hot labels with a sparse loss": (
        lambda x, y: (x, one_hot(y)),
        None,
        r"loss sparse_categorical_crossentropy of outputs of shape \(n, 3\).*shape \(n, 3\) per sample; one-hot",
    ),
    "class indices with a categorical loss": (
        lambda x, y: (x, y),
        "categorical_crossentropy",
        r"loss categorical_crossentropy.*labels of shape \(n\) per sample; class indices",
    ),
    "labels of another width": (lambda x, y: (x, one_hot(y)[:, :2]), "mse", r"labels of shape \(n, 2\)"),
    "an unbatched data set": (lambda x, y: unbatched(x, y), None, r"in batches.*\.batch\(64\)"),
    "an unbatched data set of one-hot labels": (
        lambda x, y: unbatched(x, one_hot(y)),
        "categorical_crossentropy",
        r"same number of samples.*lengths \[4, 3\].*batched",
    ),
    "samples of another width": (lambda x, y: (x[:, :3], y), None, r"samples that the model .* takes.*\(n, 3\)"),
    "lists of unequal length": (lambda x, y: ([[1.0, 2.0], [1.0]], [0, 1]), None, r"lists of equal length"),
    "a number": (lambda x, y: 3.0, None, r"arrays \(x, y\).*a float"),
    "labels that are missing": (lambda x, y: (x, None), None, r"labels"),
    "fewer labels than samples": (lambda x, y: (x, y[:-1]), None, r"same number of samples.*\[21, 20\]"),
    "a loss that fails": (
        lambda x, y: (x, one_hot(y)),
        lambda y_true, y_pred: keras.ops.sum(keras.ops.matmul(y_true, y_pred), axis=-1),
        r"labels that the loss takes.*shape \(n, 3\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_one_sentence_says_what_is_wrong(problem, kind):
    """Of the training data and of the validation data, and not from inside of compiled code."""
    convert, loss, message = REFUSED[kind]
    bad, good = convert(problem.x, problem.y), (problem.x, problem.y if loss is None else one_hot(problem.y))
    for name in ("train", "validation"):
        if name == "validation" and callable(loss):
            continue
        arguments = {"train": good, "validation": good} | {name: bad}
        with pytest.raises((ValueError, TypeError), match=rf"argument `{name}`\..*{message}") as caught:
            total_influence(problem.model, **arguments, loss=loss, solver="exact", damping=0.1, verbose=0)
        assert "in user code" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("policy", ["float64", "float16"])
def test_weights_in_other_types_are_named(policy):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype=policy, name="dense")])
    with pytest.raises(ValueError, match=rf"argument `model`. Expected weights in float32.*dense/kernel in {policy}"):
        InfluenceModel(model, (np.ones((3, 2)), np.ones(3)), "mse", verbose=0)


def test_mixed_precision_has_about_the_scores_of_float32(problem):
    penalty = keras.regularizers.L2(problem.l2)
    dense = keras.layers.Dense(3, use_bias=False, kernel_regularizer=penalty, dtype="mixed_float16")
    mixed = keras.Sequential([keras.Input((4,)), dense])
    mixed.set_weights(problem.model.get_weights())
    mixed.compile(loss=problem.model.loss)
    expected = problem.scores(0.05)
    found = scores(problem, (problem.x, problem.y), model=mixed)
    np.testing.assert_allclose(found, expected, atol=2e-2 * np.abs(expected).max())


def test_one_object_answers_several_questions_without_checking_again(problem, capsys):
    influence = InfluenceModel(problem.model, (problem.x, problem.y), damping=0.05, verbose=2)
    validation = (problem.x_validation, problem.y_validation)
    total, matrix = influence.total(validation, solver="exact"), influence.matrix(validation, solver="exact")
    own = influence.self_influence(solver="exact", samples=[2, 0])
    shown = capsys.readouterr().out
    for phase in ("Checking samples: 1/1", "Spectrum (Lanczos): 2/12", "Writing the matrix out: 12/12"):
        assert shown.count(phase) == 1
    expected = problem.scores(0.05)
    np.testing.assert_allclose(total.scores, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(matrix.scores.sum(1), expected, atol=1e-3 * np.abs(expected).max())
    assert own.scores.shape == (2,)
    assert (influence.damping, influence.spectrum) == (0.05, total.spectrum)
    kernel = problem.model.layers[0].kernel
    kernel.assign(2 * kernel)
    with pytest.raises(
        ValueError, match=r"argument `model`. Expected the weights that the InfluenceModel was made with"
    ):
        influence.total(validation)
    kernel.assign(kernel / 2)


def test_settings_are_keyword_only(problem):
    data = (problem.x, problem.y)
    with pytest.raises(TypeError, match="positional"):
        total_influence(problem.model, data, data, "mse")
    with pytest.raises(TypeError, match="unexpected keyword argument 'dampening'"):
        total_influence(problem.model, data, data, dampening=0.1)


def test_other_backends_are_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match=r"needs Keras on TensorFlow or JAX. Received: KERAS_BACKEND=torch"):
        check_backend()


def test_a_backend_that_is_not_installed_is_named_in_one_sentence():
    program = "import sys; sys.modules['torch'] = None; import tfdrop.influence; tfdrop.influence.total_influence"
    environment = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT)}
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    *_, last = finished.stderr.strip().splitlines()
    assert last.startswith("ImportError: tfdrop.influence needs Keras on TensorFlow or JAX")
    assert "torch" in last
    assert "During handling" not in finished.stderr
