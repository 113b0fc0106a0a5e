"""What influence is the influence on: the expected error against NumPy, and against a closed form."""

import keras
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from tfdrop.influence import influence_matrix, total_influence
from tfdrop.influence.measures import measure_loss, measure_name
from tfdrop.losses import ExpectedError, NegativePSNR

RNG = np.random.default_rng(0)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("kind", ["sparse_categorical", "categorical", "binary"])
def test_expected_error(kind, from_logits):
    classes = 1 if kind == "binary" else 4
    logits = RNG.normal(size=(7, classes)).astype("float32")
    labels = RNG.integers(0, max(classes, 2), 7)
    p = 1 / (1 + np.exp(-logits)) if kind == "binary" else softmax(logits)
    of_classes = np.column_stack([1 - p[:, 0], p[:, 0]]) if kind == "binary" else p
    expected = 1 - of_classes[np.arange(7), labels]
    given = {"binary": labels[:, None], "categorical": np.eye(4)[labels], "sparse_categorical": labels}[kind]
    loss = ExpectedError(kind, from_logits=from_logits, reduction=None)
    found = keras.ops.convert_to_numpy(loss(given, logits if from_logits else p))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_expected_error_is_saved():
    loss = ExpectedError("categorical", from_logits=True, reduction="sum", name="wrong")
    config = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)).get_config()
    assert config == loss.get_config()
    assert (config["kind"], config["from_logits"], config["reduction"]) == ("categorical", True, "sum")


@pytest.mark.parametrize("max_value", [1.0, 255.0])
def test_negative_psnr_is_scikit_images_with_the_other_sign(max_value):
    shape = (5, 7, 9, 3)
    clean = max_value * RNG.uniform(size=shape)
    noisy = clean + 0.3 * max_value * RNG.normal(size=shape)
    loss = NegativePSNR(max_value, reduction=None)
    found = keras.ops.convert_to_numpy(loss(clean.astype("float32"), noisy.astype("float32")))
    expected = [-peak_signal_noise_ratio(*pair, data_range=max_value) for pair in zip(clean, noisy, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)).max_value == max_value


def test_psnr_of_images_without_a_range():
    with pytest.raises(ValueError, match=r"argument `max_value`. Expected a positive number. Received: max_value=0"):
        NegativePSNR(0)
    with pytest.raises(ValueError, match=r"argument `y_true`. Expected images of the shape of y_pred, \(5, 4\)"):
        NegativePSNR()(np.zeros((5, 1), "float32"), np.ones((5, 4), "float32"))


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="argument `kind`"):
        ExpectedError("ordinal")


@pytest.mark.parametrize(
    ("loss", "kind", "from_logits"),
    [
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "sparse_categorical", True),
        (keras.losses.CategoricalFocalCrossentropy(), "categorical", False),
        ("binary_crossentropy", "binary", False),
        (keras.losses.sparse_categorical_crossentropy, "sparse_categorical", False),
    ],
)
def test_the_expected_error_of_a_loss(loss, kind, from_logits):
    found = measure_loss("expected_error", loss)
    assert (found.kind, found.from_logits) == (kind, from_logits)


def test_measures_that_do_not_fit():
    with pytest.raises(ValueError, match=r'use "loss" or any Keras loss per sample.*mean_squared_error'):
        measure_loss("expected_error", keras.losses.MeanSquaredError())
    with pytest.raises(ValueError, match=r"argument `measure`.*'accuracy'"):
        measure_loss("accuracy", "mse")
    assert isinstance(measure_loss("psnr", "mse"), NegativePSNR)
    own = keras.losses.MeanAbsoluteError()
    assert measure_loss(own, "mse") is own
    assert (measure_name("loss"), measure_name(own)) == ("loss", "mean_absolute_error")


@pytest.fixture(scope="module")
def problem():
    x = RNG.normal(size=(30, 3)).astype("float32")
    y = RNG.integers(0, 3, 30)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, use_bias=False)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, (x[:22], y[:22]), (x[22:], y[22:]), {"loss": loss, "solver": "exact", "damping": 0.1, "verbose": 0}


def closed_form(model, train, validation):
    """Returns the influence on the expected error of each validation sample, shape (n, k), in float64."""
    weights = model.get_weights()[0].astype("float64")
    (x, y), (v, u) = ((x.astype("float64"), y) for x, y in (train, validation))
    p, q = softmax(x @ weights), softmax(v @ weights)
    gradients = np.einsum("ni,nc->nic", x, p - np.eye(3)[y]).reshape(len(x), -1)
    of_logits = np.einsum("nc,cd->ncd", p, np.eye(3)) - np.einsum("nc,nd->ncd", p, p)
    hessian = np.einsum("ni,nj,ncd->icjd", x, x, of_logits).reshape(9, 9) / len(x)
    own = q[np.arange(len(v)), u][:, None]
    measures = np.einsum("ki,kc->kic", v, -own * (np.eye(3)[u] - q)).reshape(len(v), -1)
    return -gradients @ np.linalg.solve(hessian + 0.1 * np.eye(9), measures.T)


def test_influence_on_the_expected_error(problem):
    model, train, validation, settings = problem
    expected = closed_form(model, train, validation)
    found = total_influence(model, train, validation, measure="expected_error", **settings)
    np.testing.assert_allclose(found.scores, expected.sum(axis=1), rtol=1e-3, atol=1e-4)
    pairs = influence_matrix(model, train, validation, measure="expected_error", **settings)
    np.testing.assert_allclose(pairs.scores, expected, rtol=1e-3, atol=1e-4)
    on_loss = total_influence(model, train, validation, **settings)
    assert np.abs(on_loss.scores - found.scores).max() > 0.01 * np.abs(found.scores).max()


def test_labels_out_of_range_are_refused(problem):
    model, train, (x, y), settings = problem
    with pytest.raises(
        ValueError, match=r"argument `validation`. Expected labels from 0 to 2. Received: 3 in sample 1"
    ):
        total_influence(model, train, (x, np.where(np.arange(len(y)) == 1, 3, 0)), measure="expected_error", **settings)
