"""What cannot be replayed: partial, damaged and foreign records, optimizers, and gradients that are none."""

import keras
import numpy as np
import pytest
from keras import layers, ops, optimizers
from trainings import TRAINING_SAMPLES, dense_layers, finished, images, small_training, validation_of, vectors

from tfdrop.checkpoint import Checkpoint, CheckpointError
from tfdrop.influence import replay_influence
from tfdrop.training import Training

VALIDATION = validation_of()


@pytest.fixture(scope="module")
def training():
    return finished(small_training())


def replay(training, validation=VALIDATION, **more):
    return replay_influence(training, validation, verbose=0, **more)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a training after its first step."""
    folder = tmp_path_factory.mktemp("record")
    next(small_training(record=folder).dispatches())
    return folder


def test_recorded_from_the_middle_on(tmp_path):
    half = small_training(record=False, steps_per_dispatch=1)
    steps = half.dispatches()
    next(steps)
    rest = Training(half.model, half.optimizer, half.loss, half.train, 7, 2, 3, record=True)
    with pytest.raises(ValueError, match="recorded from its first step on"):
        replay(finished(rest))


@pytest.mark.parametrize("trainable", [True, False])
def test_model_changed_since(trainable):
    changed = finished(small_training(lambda: [*dense_layers(), layers.BatchNormalization()]))
    weights = changed.model.trainable_weights if trainable else changed.model.non_trainable_weights
    weights[-1].assign_add(np.full(weights[-1].shape, 1e-3))
    with pytest.raises(ValueError, match="a model with the weights that its training ended with"):
        replay(changed)


@pytest.mark.parametrize("measure", ["accuracy", 3, None])
def test_unknown_measure(training, measure):
    with pytest.raises(ValueError, match=r"argument `measure`. Expected one of \('loss', 'expected_error', 'psnr'\)"):
        replay(training, measure=measure)


def test_expected_error_of_a_regression():
    x, _ = vectors(dtype="float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    loss = keras.losses.MeanSquaredError()
    regression = finished(Training(model, optimizers.SGD(0.1), loss, (x, x[:, :1]), 10, 1, record=True))
    with pytest.raises(
        ValueError, match='"expected_error" belongs to a cross-entropy of classes; for others use "loss"'
    ):
        replay(regression, (x, x[:, :1]), measure="expected_error")


def test_empty_validation(training):
    with pytest.raises(ValueError, match=r"argument `validation`. Expected"):
        replay(training, iter([]))


def test_damaged_records(tmp_path):
    recorded = finished(small_training(record=tmp_path))
    state = tmp_path / "state_00000002.bin"
    content = state.read_bytes()
    state.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(CheckpointError, match=r"record .*state_00000002.bin is damaged"):
        replay(recorded)
    state.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match=r"record .*state_00000002.bin is damaged"):
        replay(recorded)
    state.unlink()
    with pytest.raises(CheckpointError, match=r"record .*state_00000002.bin cannot be read"):
        replay(recorded)
    state.write_bytes(content)
    assert np.isfinite(replay(recorded).scores).all()  # nothing was lost


@pytest.mark.parametrize("text", [None, "{", "[1, 2"])
def test_a_record_whose_description_is_damaged(tmp_path, text):
    next(small_training(record=tmp_path).dispatches())
    (tmp_path / "record.json").unlink()
    if text is not None:
        (tmp_path / "record.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"record .* is damaged"):
        small_training(record=tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"epochs": 3},
        {"batch_size": 6},
        {"sample_weights": np.full(TRAINING_SAMPLES, 2.0)},
        {"optimizer": lambda: optimizers.SGD(0.1, momentum=0.8)},
        {"layers": lambda: [layers.Dense(6)]},
    ],
)
def test_a_record_of_another_training(begun, other):
    with pytest.raises(CheckpointError, match=r"record .* is of another training"):
        small_training(record=begun, **other)


def test_a_checkpoint_of_another_question(tmp_path, training):
    checkpoint = Checkpoint(tmp_path / "walk.npz", "walk", pace=None)
    checkpoint._save({"fingerprint": np.array("other")})
    with pytest.raises(CheckpointError, match="of another computation"):
        replay(training, checkpoint=checkpoint)


@pytest.mark.parametrize("record", [True, False])
def test_too_little_memory(tmp_path, record):
    with pytest.raises(ValueError, match=r"argument `memory`. Expected at least \d+ bytes for 4 steps"):
        small_training(record=record or tmp_path, memory=100)


@ops.custom_gradient
def _doubled_gradient(x):
    return ops.tanh(x), lambda upstream: 2 * upstream * (1 - ops.square(ops.tanh(x)))


class WrongGradient(layers.Layer):
    def call(self, x):
        return _doubled_gradient(x)


class Rotating(keras.regularizers.Regularizer):
    """Its gradient, the weights turned by a quarter, is that of no function."""

    def __call__(self, weights):
        pairs = ops.reshape(weights, (-1, 2))
        turned = ops.stack([-pairs[:, 1], pairs[:, 0]], axis=1)
        return ops.sum(pairs * ops.stop_gradient(turned))


NOT_TWICE = {
    "wrong gradient": (lambda: [layers.Dense(4), WrongGradient()], None),
    "no gradient's function": (lambda: [layers.Dense(4, kernel_regularizer=Rotating())], None),
    "resized": (
        lambda: [layers.Conv2D(2, 3, activation="tanh"), layers.UpSampling2D(interpolation="bilinear"),
                 layers.Conv2D(2, 3, activation="tanh")],
        images(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_TWICE)
def test_steps_that_cannot_be_differentiated_twice(name):
    make_layers, data = NOT_TWICE[name]
    assert_refused(
        small_training(make_layers, data), "Expected a model whose training steps can be differentiated twice"
    )


class Forgetful(optimizers.SGD):
    """Takes the same steps as SGD, with a derivative that leaves out where they come from."""

    forgets = ""

    def update_step(self, gradient, variable, learning_rate):
        momentum = self.momentums[self._get_variable_index(variable)]
        past = ops.stop_gradient(momentum) if self.forgets == "slots" else momentum
        present = ops.stop_gradient(gradient) if self.forgets == "gradients" else gradient
        moved = past * self.momentum - learning_rate * present
        self.assign(momentum, moved)
        self.assign_add(variable, moved)


class OfGradients(Forgetful):
    forgets = "gradients"


class OfSlots(Forgetful):
    forgets = "slots"


@pytest.mark.parametrize(
    ("optimizer", "problem"),
    [
        (lambda: optimizers.Nadam(0.01), "derivative is not finite"),
        (lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=1), "overwritten by their average"),
        (lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=50), "overwritten by their average"),
        (lambda: OfGradients(0.1, momentum=0.9), "with respect to gradients that differences do not confirm"),
        (lambda: OfSlots(0.1, momentum=0.9), "with respect to slots that differences do not confirm"),
    ],
)
def test_optimizers_that_cannot_be_replayed(optimizer, problem):
    training = small_training(optimizer=optimizer)
    name = type(optimizer()).__name__
    assert_refused(training, f"Expected an optimizer whose step can be differentiated. .*{name}.*{problem}")


def test_the_same_steps_with_all_of_their_derivative():
    training = small_training(optimizer=lambda: Forgetful(0.1, momentum=0.9))
    assert training.backward() is training.backward()


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: optimizers.Adagrad(0.01),
        lambda: optimizers.Lamb(0.01),
        lambda: optimizers.Adafactor(0.01),
        lambda: optimizers.SGD(0.1, momentum=0.9, clipvalue=0.05),
        lambda: optimizers.SGD(0.1, use_ema=True),
    ],
)
def test_optimizers_of_keras_are_confirmed(optimizer):
    small_training(optimizer=optimizer, dtype="float32").backward()


def assert_refused(training, message):
    """Asserts that an error comes before anything is trained."""
    before = [np.array(ops.convert_to_numpy(v)) for v in [*training.model.weights, *training.optimizer.variables]]
    with pytest.raises(ValueError, match=message):
        finished(training)
    after = [*training.model.weights, *training.optimizer.variables]
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, ops.convert_to_numpy(two))
    assert training.step == 0
