"""Training data in arrays, `tf.data`, a `PyDataset`, with one input or several; and data that is no good."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import SoftmaxRegression

from tfdrop.influence import ConjugateGradient, LiSSA, total_influence
from tfdrop.influence.training_data import TrainingData
from tfdrop.layers import FocusedDropout, MagnifiedWeightDecay, Participation


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size):
        super().__init__()
        self._x, self._y, self._size = x, y, size

    def __len__(self):
        return -(-len(self._y) // self._size)

    def __getitem__(self, index):
        return tuple(array[index * self._size : (index + 1) * self._size] for array in (self._x, self._y))


@pytest.fixture(scope="module")
def problem():
    return SoftmaxRegression(samples=53)


def as_data_set(kind, x, y, size):
    if kind == "tf.data":
        return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)
    return (
        Batches(x, y, size)
        if kind == "PyDataset"
        else list(zip(np.split(x, [9, 30]), np.split(y, [9, 30]), strict=True))
    )


@pytest.mark.parametrize("kind", ["tf.data", "tf.data of unknown length", "PyDataset", "list"])
def test_data_sets_give_the_scores_of_arrays(problem, kind):
    arguments = {"solver": ConjugateGradient(tolerance=1e-5), "damping": 0.05, "verbose": 0}
    validation = (problem.x_validation, problem.y_validation)
    expected = problem.scores(0.05)
    found = total_influence(
        problem.model,
        as_data_set(kind, problem.x, problem.y, 8),
        as_data_set(kind, *validation, 6) if kind != "list" else [validation],
        **arguments,
    )
    np.testing.assert_allclose(found.scores, expected, atol=1e-3 * np.abs(expected).max())


def test_lissa_takes_a_data_sets_own_batches(problem):
    data = as_data_set("tf.data", problem.x, problem.y, 16)
    found = total_influence(
        problem.model, data, (problem.x_validation, problem.y_validation), solver=LiSSA(depth=400, tolerance=0.0),
        damping=0.05, verbose=0,
    )  # fmt: skip
    assert np.corrcoef(found.scores, problem.scores(0.05))[0, 1] > 0.99


def test_repeats_on_a_data_set_begin_at_other_batches(problem):
    data = as_data_set("PyDataset", problem.x, problem.y, 5)
    arguments = {"solver": LiSSA(depth=40, repeats=3, tolerance=0.0), "damping": 0.05, "verbose": 0}
    found = total_influence(problem.model, data, (problem.x_validation, problem.y_validation), **arguments)
    assert found.spread > 0


@pytest.mark.parametrize("samples", [1, 10, 53, 80, 13])
@pytest.mark.parametrize("kind", ["arrays", "PyDataset"])
def test_a_part_is_a_uniform_choice_without_repeats(problem, kind, samples):
    rows = np.arange(53)
    counts = np.zeros(53)
    for seed in range(60):
        arrays = (rows[:, None], rows)
        data = TrainingData(arrays if kind == "arrays" else as_data_set(kind, *arrays, 7), 5, seed)
        chosen = np.concatenate([y for _, y in data.part(samples)])
        expected = 53 if samples >= 53 else samples - samples % 5 if samples > 5 else samples  # whole batches
        assert len(set(chosen)) == len(chosen) == expected
        counts[chosen] += 1
    share = expected / 53
    deviation = np.sqrt(60 * share * (1 - share)) + 1e-9
    assert np.abs(counts - 60 * share).max() <= 5 * deviation


def test_several_inputs_shared_layers_and_branches():
    """A two-tower model with one tower's weights shared; removal effects against retraining are tested elsewhere."""
    keras.utils.set_random_seed(1)
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    tower = keras.layers.Dense(4, activation="tanh")
    joined = keras.layers.Add()([tower(left), keras.layers.Dense(4)(right), tower(right)])
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(joined))
    rng = np.random.default_rng(0)
    x = {"left": rng.normal(size=(20, 3)).astype("float32"), "right": rng.normal(size=(20, 3)).astype("float32")}
    y = rng.normal(size=(20, 1)).astype("float32")
    arguments = {"loss": "mse", "curvature": "gauss_newton", "solver": "exact", "damping": 0.1, "verbose": 0}
    found = total_influence(model, (x, y), (x, y), **arguments)
    # The same by TensorFlow's Jacobian, written out.
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = model(x)[:, 0]
    jacobian = np.concatenate([j.numpy().reshape(20, -1) for j in tape.jacobian(outputs, variables)], 1)
    gradients = 2 * (outputs.numpy() - y[:, 0])[:, None] * jacobian
    matrix = 2 * jacobian.T @ jacobian / 20 + 0.1 * np.eye(jacobian.shape[1])
    expected = -gradients @ np.linalg.solve(matrix.astype("float64"), gradients.sum(0))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_coin_left_lying_does_not_magnify_the_decay():
    participation = Participation(0.5)
    decay = MagnifiedWeightDecay(participation, 0.1, magnified=0.9)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((5, 5, 1)), participation, keras.layers.Conv2D(3, 3, kernel_regularizer=decay),
         FocusedDropout(participation_rate=participation), keras.layers.Flatten(), keras.layers.Dense(1)]
    )  # fmt: skip
    x, y = np.random.default_rng(0).normal(size=(12, 5, 5, 1)).astype("float32"), np.ones((12, 1))
    quick, scores = {"solver": "cg", "verbose": 0}, []
    for coin in (False, True):
        participation.coin.assign(coin)
        found = total_influence(model, (x, y), (x, y), loss="mse", curvature="gauss_newton", damping=0.1, **quick)
        scores.append(found.scores)
    np.testing.assert_array_equal(*scores)


def bad(array, place, value):
    array = np.array(array, "float64" if np.isnan(value) else None)
    array[place] = value
    return array


def test_the_bad_sample_is_named(problem):
    x, y = problem.x, problem.y
    good = (problem.x_validation, problem.y_validation)
    for train, validation, message in (
        ((bad(x, (41, 2), np.nan), y), good, r"argument `train`. Expected finite values. Received: nan in sample 41"),
        (as_data_set("tf.data", bad(x, (41, 2), np.nan), y, 8), good, r"argument `train`.*nan in sample 41"),
        ((x, bad(y, 7, 3)), good, r"argument `train`. Expected labels from 0 to 2. Received: 3 in sample 7"),
        ((x, y), (good[0], bad(good[1], 19, -1)), r"argument `validation`. Expected labels.*-1 in sample 19"),
        ([(x,)], good, "Expected batches .x, y. or .x, y, sample_weight."),
        ([], good, "argument `train`. Expected at least one sample"),
        (((x[i : i + 9], y[i : i + 9]) for i in range(0, 53, 9)), good, "or can be read only once"),
        (as_data_set("tf.data", x, y, 8).shuffle(100), good, "Expected a data set that gives the same batches"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            total_influence(problem.model, train, validation, batch_size=10, verbose=0)


def test_weights_that_are_not_finite_are_named(problem):
    model = keras.models.clone_model(problem.model)
    model.layers[0].kernel.assign(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match=r"argument `model`. Expected finite weights. Received: .*kernel"):
        total_influence(model, (problem.x, problem.y), (problem.x, problem.y), loss=problem.model.loss)


def test_several_outputs_with_labels_for_one_are_refused():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])
    with pytest.raises(ValueError, match=r"argument `train`.*labels for the model's 2 outputs.*labels for 1"):
        total_influence(model, (np.ones((3, 2)), np.ones(3)), (np.ones((3, 2)), np.ones(3)), loss="mse")
