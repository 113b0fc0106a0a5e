"""A training goes on from what is whole of its checkpoints, and ends with the bits of one that was left alone."""

import re

import keras
import numpy as np
import pytest

from tfdrop.checkpoint import OutOfTime, Pace, load_training
from tfdrop.errors import UserError
from tfdrop.training import Training
from tfdrop.training.log import read_records
from tfdrop.training.resumable import CHECKPOINT, train_resumably
from tfdrop.whole_files import previous

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X @ RNG.normal(size=(3, 2)).astype("float32")


class StopAfter(Pace):
    """A pace that saves after every dispatch, and stops after some."""

    def __init__(self, dispatches):
        super().__init__()
        self._left = dispatches

    def after_step(self, save):
        save()
        self._left -= 1
        if self._left == 0:
            raise OutOfTime


def train(folder, pace=None, rate=0.05, epochs=4, steps_per_dispatch=2, y=Y):
    def build(model):
        if model is None:
            keras.utils.set_random_seed(1)
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            model.compile(keras.optimizers.SGD(rate, momentum=0.9), keras.losses.MeanSquaredError(), jit_compile=False)
        arguments = {"batch_size": 8, "epochs": epochs, "steps_per_dispatch": steps_per_dispatch}
        return model, Training(model, model.optimizer, model.loss, (X, y), **arguments)

    return train_resumably("round 1", "key", build, folder, pace or Pace())


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return train(folder).get_weights(), [record["loss"] for record in read_records(folder, "round 1")]


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "both", "said"),
    [
        (cut, False, "training.keras is damaged; going on from the one before"),
        (flip, False, "training.keras is damaged; going on from the one before"),
        (lambda path: path.unlink(), False, ""),
        (flip, True, "training.keras is damaged; round 1 begins again"),
    ],
)
def test_damaged_checkpoints(tmp_path, capsys, expected, spoil, both, said):
    with pytest.raises(OutOfTime):
        train(tmp_path, StopAfter(5))
    path = tmp_path / CHECKPOINT
    for each in (path, previous(path)) if both else (path,):
        spoil(each)
    weights = train(tmp_path).get_weights()
    assert said in capsys.readouterr().err
    for found, wanted in zip(weights, expected[0], strict=True):
        np.testing.assert_array_equal(found, wanted)
    records = read_records(tmp_path, "round 1")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert [record["loss"] for record in records] == expected[1]
    assert all(record["samples_per_second"] > 0 for record in records)


@pytest.mark.parametrize("steps_per_dispatch", [1, 2])
def test_divergence_stops_with_the_last_good_state_saved(tmp_path, steps_per_dispatch):
    arguments = {"rate": 1e4, "epochs": 30, "steps_per_dispatch": steps_per_dispatch}
    with pytest.raises(UserError) as stopped:
        train(tmp_path, **arguments)
    pattern = (
        r"round 1: the loss is (inf|nan) at step (\d+), in epoch (\d+), with learning rate 1e\+04; its state after "
    )
    found = re.match(pattern + r"step (\d+) is saved; try a lower --learning_rate", str(stopped.value))
    step, epoch, saved = (int(found[place]) for place in (2, 3, 4))
    assert epoch == (step - 1) // 3 + 1
    assert saved < step
    model, progress = load_training(tmp_path / CHECKPOINT)
    assert (int(model.optimizer.iterations), len(progress["losses"])) == (saved, saved % 3)
    losses = model.evaluate(X, Y, verbose=0)
    assert np.isfinite(losses)
    assert len(read_records(tmp_path, "round 1")) == (step - 1) // 3
    with pytest.raises(UserError, match=f"at step {step}, in epoch {epoch}"):  # and again, from there
        train(tmp_path, **arguments)


def test_a_first_loss_that_is_not_finite_leaves_nothing_to_save(tmp_path):
    with pytest.raises(UserError, match=r"the loss is nan at step 1, in epoch 1, with learning rate 0\.05; try"):
        train(tmp_path, y=np.full_like(Y, np.nan))
    assert not (tmp_path / CHECKPOINT).exists()
