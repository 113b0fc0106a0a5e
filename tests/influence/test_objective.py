"""The mean of our per-sample losses is what `evaluate` has, however a loss is stated; what cannot be had is refused."""

import keras
import numpy as np
import pytest
from objectives import CASES, means_and_evaluated
from problems import SoftmaxRegression
from programs import ROOT, run_on_jax

from tfdrop.influence import total_influence

TOLERANCE = 2e-5


@pytest.mark.parametrize("name", CASES)
def test_mean_of_per_sample_losses_is_what_evaluate_has(name):
    ours, evaluated = means_and_evaluated(name)
    assert evaluated > 0
    assert ours == pytest.approx(evaluated, rel=TOLERANCE)


def test_means_on_jax_are_what_evaluate_has_there(tmp_path):
    finished = run_on_jax(ROOT / "tests" / "objectives.py", tmp_path / "means.npz")
    assert finished.returncode == 0, finished.stderr
    with open(tmp_path / "means.npz", "rb") as raw, np.load(raw) as means:
        assert sorted(means.files) == sorted(CASES)
        for name in means.files:
            ours, evaluated = means[name]
            assert ours == pytest.approx(evaluated, rel=TOLERANCE), name


def scores(model, train, validation, **arguments):
    arguments = {"solver": "exact", "damping": 0.05, "verbose": 0, "batch_size": 7} | arguments
    return total_influence(model, train, validation, **arguments).scores


@pytest.mark.parametrize("as_class_weight", [False, True])
def test_scores_of_weighted_samples_are_those_of_the_weighted_problem(as_class_weight):
    """By NumPy: gradients and Hessian with each sample's weight; the validation samples have weights of their own."""
    problem = SoftmaxRegression(samples=40)
    by_class = {0: 2.0, 2: 0.3}
    weights = np.array([by_class.get(label, 1.0) for label in problem.y])
    of_validation = np.linspace(0.0, 2.0, 20)
    p = problem.probabilities(problem.x)
    blocks = np.einsum("nc,cd->ncd", p, np.eye(3)) - np.einsum("nc,nd->ncd", p, p)
    hessian = np.einsum("n,nf,ng,ncd->fcgd", weights, problem.x, problem.x, blocks).reshape(12, 12) / 40
    hessian += (2 * problem.l2 + 0.05) * np.eye(12)
    target = of_validation @ problem.gradients(problem.x_validation, problem.y_validation)
    expected = -(weights[:, None] * problem.gradients(problem.x, problem.y)) @ np.linalg.solve(hessian, target)
    train = (problem.x, problem.y) if as_class_weight else (problem.x, problem.y, weights)
    arguments = {"class_weight": by_class} if as_class_weight else {}
    validation = (problem.x_validation, problem.y_validation, of_validation)
    for curvature in ("hessian", "gauss_newton"):
        found = scores(problem.model, train, validation, curvature=curvature, **arguments)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    if not as_class_weight:
        batches = [tuple(part[i : i + 9] for part in train) for i in range(0, 40, 9)]
        found = scores(problem.model, batches, [validation])
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def token_classifier(activation, mask_zero):
    """A model that classifies each token; 0 is padding."""
    tokens = keras.Input((5,), dtype="int32")
    hidden = keras.layers.Embedding(6, 3, mask_zero=mask_zero)(tokens)
    model = keras.Model(tokens, keras.layers.Dense(3, activation=activation)(hidden))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("padding", ["mask", "ignore_class"])
def test_padded_tokens_have_no_part_in_the_scores(activation, curvature, padding):
    """A sample's loss is the sum over its tokens; as a loss of its own it needs no mask."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 6, 12)
    x, y = rng.integers(1, 6, (12, 5)) * (np.arange(5) < lengths[:, None]), rng.integers(0, 3, (12, 5))
    marked = np.where(x > 0, y, -1)
    settings = {"from_logits": activation is None}
    plain, model = token_classifier(activation, False), token_classifier(activation, padding == "mask")
    ignored = {} if padding == "mask" else {"ignore_class": -1}
    loss, y = keras.losses.SparseCategoricalCrossentropy(**settings, **ignored), y if padding == "mask" else marked

    def of_tokens(y_true, y_pred):
        kept = keras.ops.cast(y_true >= 0, "float32")
        labels = keras.ops.maximum(y_true, 0)
        losses = keras.ops.sparse_categorical_crossentropy(keras.ops.cast(labels, "int32"), y_pred, **settings)
        return keras.ops.sum(losses * kept, axis=-1) * 12 / float(lengths.sum())

    found = scores(model, (x, y), (x, y), loss=loss, damping=2.0, curvature=curvature)
    if activation == "softmax" and curvature == "gauss_newton":  # that of the logits, which is not that of `of_tokens`
        logits = scores(token_classifier(None, padding == "mask"), (x, y), (x, y), damping=2.0, curvature=curvature,
                        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, **ignored))  # fmt: skip
        np.testing.assert_allclose(found, logits, atol=1e-4 * np.abs(logits).max())
    else:
        expected = scores(plain, (x, marked), (x, marked), loss=of_tokens, damping=2.0, curvature=curvature)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_two_outputs_have_the_scores_of_both_losses():
    """Eq. (1) by Jacobians written out, from one loss of probabilities, one of logits, and weights for both."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(2, activation="tanh")(inputs)
    outputs = {
        "kind": keras.layers.Dense(3, activation="softmax", name="kind")(hidden),
        "size": keras.layers.Dense(1, name="size")(hidden),
    }
    model = keras.Model(inputs, outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile(loss=losses, loss_weights={"kind": 0.5, "size": 2.0})
    rng = np.random.default_rng(0)
    x, kind, size = rng.normal(size=(15, 3)).astype("float32"), rng.integers(0, 3, 15), rng.normal(size=(15, 1))
    data = (x, {"kind": kind, "size": size})
    jacobians = jacobian_by_differences(model, x)
    errors = np.asarray(model(x)["kind"], "float64") - np.eye(3)[kind]
    p = np.asarray(model(x)["kind"], "float64")
    logits, sizes = jacobians
    gradients = 0.5 * np.einsum("nc,ncw->nw", errors, logits)
    gradients += 2 * 2 * (np.asarray(model(x)["size"], "float64") - size) * sizes[:, 0]
    blocks = np.einsum("nc,cd->ncd", p, np.eye(3)) - np.einsum("nc,nd->ncd", p, p)
    matrix = 0.5 * np.einsum("ncv,ncd,ndw->vw", logits, blocks, logits) + 4 * np.einsum("ncv,ncw->vw", sizes, sizes)
    matrix = matrix / 15 + 0.1 * np.eye(len(matrix))
    expected = -gradients @ np.linalg.solve(matrix, gradients.sum(0))
    found = scores(model, data, data, curvature="gauss_newton", damping=0.1)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def jacobian_by_differences(model, x, step=1e-2):
    """Returns the Jacobians of the logits of `kind` and of `size`, by fourth-order differences, in float64."""
    variables = model.trainable_variables
    columns = []
    for variable in variables:
        value = np.array(variable)
        for place in np.ndindex(value.shape):
            changes = 0
            for factor, times in ((8, 1), (-8, -1), (-1, 2), (1, -2)):
                moved = value.copy()
                moved[place] += times * step
                variable.assign(moved)
                found = model(x)
                logits = np.log(np.asarray(found["kind"], "float64"))  # but for a constant, which the errors cancel
                changes = changes + factor * np.concatenate([logits, np.asarray(found["size"], "float64")], 1)
            columns.append(changes / (12 * step))
        variable.assign(value)
    jacobian = np.stack(columns, axis=-1)
    return jacobian[:, :3], jacobian[:, 3:]


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(y_pred)


def refused(kind):
    """Returns a model and arguments of `total_influence` that no right number can be had from."""
    inputs = keras.Input((2,))
    layers = [keras.layers.Dense(2, activity_regularizer="l2" if kind == "activity" else None)]
    outputs = layers[0](inputs)
    model = OwnLoss(inputs, outputs) if kind == "compute_loss" else keras.Model(inputs, outputs)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.ones((4, 2), "float32"), np.array([0, 1, 1, 0])
    arguments = {"train": (x, y), "validation": (x, y)}
    if kind == "class and sample weights":
        arguments |= {"train": (x, y, np.ones(4)), "class_weight": {0: 2.0}}
    elif kind == "class weights of several labels":
        arguments |= {"class_weight": {0: 1.0}, "loss": "mse", "train": (x, np.ones((4, 2, 2)))}
    elif kind == "weights that do not fit":
        arguments |= {"train": (x, y, np.ones((4, 3)))}
    elif kind == "a mean of sums":
        model = keras.Model(inputs, [outputs, outputs])
        arguments |= {"loss": ["mse", keras.losses.MeanSquaredError(reduction="sum")], "train": (x, [x, x])}
    elif kind == "two losses":
        arguments |= {"loss": ["mse", "mse"]}
    return model, arguments


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("activity", r"argument `model`.*add_loss or an activity regularizer"),
        ("compute_loss", r"argument `loss`.*overrides compute_loss"),
        ("class and sample weights", r"argument `class_weight`.*None where there are sample weights"),
        ("class weights of several labels", r"argument `class_weight`.*several labels"),
        ("weights that do not fit", r"argument `sample_weight`.*\(4, 3\)|argument `sample_weight`.*\(2, 3\)"),
        ("a mean of sums", r"argument `loss`.*all sum over the batch, or all average"),
        ("two losses", r"argument `loss`.*1 values"),
    ],
)
def test_what_cannot_be_had_is_refused(kind, message):
    model, arguments = refused(kind)
    with pytest.raises(ValueError, match=message):
        total_influence(model, verbose=0, **arguments)
