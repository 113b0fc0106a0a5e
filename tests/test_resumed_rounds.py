"""Rounds that go on after an interruption, and training data in other forms than two arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import SoftmaxRegression

from tfdrop.checkpoint import Checkpoint, CheckpointError, OutOfTime, Pace
from tfdrop.data_dropout import Criterion, train_rounds
from tfdrop.influence import ReplayInfluence, replay_influence, total_influence
from tfdrop.training import Training
from tfdrop.whole_files import previous

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)).astype("float32"), RNG.integers(0, 3, 40)
TRAIN, VALIDATION = (X[:30], Y[:30]), (X[30:], Y[30:])
SCORES = RNG.normal(size=30)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Interrupted(BaseException):
    pass


class Day:
    """Trainings and influences that cost nothing, are noted, and break off before the step of a number."""

    def __init__(self, stops_before=None):
        self.steps = []
        self._stops_before = stops_before

    def train_model(self, train, round):
        self._step("training", round)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile("sgd", LOSS)
        model.layers[0].kernel.assign(np.full((4, 3), round + len(train[1]) / 100))
        return model

    def influence(self, model, train, validation):
        self._step("influence", len(train[1]))
        found = np.array([SCORES[np.flatnonzero((row == X[:30]).all(1))[0]] for row in train[0]])
        return ReplayInfluence(found, "loss", 1.5, 0.5, np.arange(3.0), 2, 1)

    def _step(self, *what):
        if len(self.steps) == self._stops_before:
            raise Interrupted
        self.steps.append(what)

    def run(self, folder, **change):
        arguments = {"rounds": 3, "criterion": Criterion(cap=4), "influence": self.influence, "checkpoint": folder}
        train = change.pop("train", TRAIN)
        return train_rounds(self.train_model, train, change.pop("validation", VALIDATION), **arguments | change)


WHOLE = [("training", 1), ("influence", 30), ("training", 2), ("influence", 26), ("training", 3)]


@pytest.mark.parametrize("stops_before", range(5))
def test_what_is_finished_is_not_done_again(stops_before, tmp_path):
    with pytest.raises(Interrupted):
        Day(stops_before).run(tmp_path)
    again = Day()
    rounds = again.run(tmp_path)
    assert again.steps == WHOLE[stops_before:]
    for found, expected in zip(rounds, Day().run(None), strict=True):
        np.testing.assert_array_equal(found.samples, expected.samples)
        np.testing.assert_array_equal(found.dropped, expected.dropped)
        np.testing.assert_array_equal(found.model.get_weights()[0], expected.model.get_weights()[0])
        assert (found.influence is None) == (expected.influence is None)
        if found.influence is not None:
            np.testing.assert_equal(vars(found.influence), vars(expected.influence))


def test_finished_rounds_are_read_and_more_rounds_go_on_from_them(tmp_path):
    two = Day()
    two.run(tmp_path, rounds=2)
    three = Day()
    assert len(three.run(tmp_path)) == 3
    assert two.steps + three.steps == WHOLE
    nothing = Day()
    nothing.run(tmp_path)
    assert nothing.steps == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"criterion": Criterion(cap=5)}, "criterion"),
        ({"train": (X[1:31], Y[1:31])}, "training data"),
        ({"train": (*TRAIN, np.full(30, 2.0))}, "training data"),
        ({"validation": (X[31:], Y[31:])}, "validation data"),
        ({"influence": total_influence}, "influence"),
    ],
)
def test_a_folder_of_other_rounds_is_refused_before_anything_is_trained(change, named, tmp_path):
    Day().run(tmp_path, rounds=2)
    other = Day()
    with pytest.raises(CheckpointError, match=f"is of other rounds: it differs in {named}"):
        other.run(tmp_path, **change)
    assert other.steps == []


def test_folders_that_hold_other_things_or_damaged_ones(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    (tmp_path / "file").write_text("")
    for name, expected in (("mine", "an empty folder, or one of earlier rounds"), ("file", "a folder that can be")):
        with pytest.raises(ValueError, match=f"argument `checkpoint`. Expected {expected}"):
            Day(0).run(tmp_path / name)
    for name in ("round1.keras", "round1_influence.npz", "rounds.json"):
        folder = tmp_path / name.partition(".")[0]
        Day().run(folder)
        (folder / name).write_bytes((folder / name).read_bytes()[:-20])
        with pytest.raises(CheckpointError, match=name):
            Day(0).run(folder)


def test_what_cannot_be_kept_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"`train_model`. Expected a function that returns a Keras model.*'str'"):
        train_rounds(lambda train, round: "a", TRAIN, None, rounds=1, checkpoint=tmp_path / "a")
    with pytest.raises(TypeError, match=r"`influence`. Expected a function that returns an Influence or a Replay"):
        Day().run(tmp_path / "b", influence=lambda *_: SCORES)


def trained(train, round):
    keras.utils.set_random_seed(round)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.5), LOSS)
    model.fit(*train, verbose=0) if isinstance(train, tuple) else model.fit(train, verbose=0)
    return model


def test_a_solve_goes_on_in_the_middle(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(total_influence, "__kwdefaults__", total_influence.__kwdefaults__ | {"solver": "cg"})
    expected = train_rounds(trained, TRAIN, VALIDATION, criterion=Criterion(cap=3), checkpoint=tmp_path)
    (tmp_path / "round1_influence.npz").unlink()
    stop = Checkpoint(tmp_path / "round1_unfinished.npz", "round 1", Pace(deadline=0.0))
    model = keras.saving.load_model(tmp_path / "round1.keras")
    with pytest.raises(OutOfTime):
        total_influence(model, TRAIN, VALIDATION, checkpoint=stop)
    assert "Spectrum" in capsys.readouterr().out
    found = train_rounds(trained, TRAIN, VALIDATION, criterion=Criterion(cap=3), checkpoint=tmp_path)
    assert "Spectrum" not in capsys.readouterr().out
    np.testing.assert_array_equal(found[0].influence.scores, expected[0].influence.scores)
    assert found[0].influence.spectrum == expected[0].influence.spectrum
    assert not (tmp_path / "round1_unfinished.npz").exists()


def test_replay_goes_on_with_a_training_that_restores_itself_and_with_one_that_begins_anew(tmp_path):
    settings = {"criterion": Criterion(cap=3), "influence": "replay", "checkpoint": tmp_path / "rounds"}
    trainings = []

    def train_model(train, round, seed=1):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        record = tmp_path / f"record {len(train[1])} {seed}" if round == 1 else False
        training = Training(model, keras.optimizers.SGD(0.5), LOSS, train, batch_size=10, epochs=2, record=record)
        trainings.append(training)
        if not (round == 1 and training.restore()):
            for _ in training.dispatches():
                pass
        return training

    def stopped(after):
        (tmp_path / "rounds" / "round1_influence.npz").unlink(missing_ok=True)
        stop = Checkpoint(tmp_path / "rounds" / "round1_unfinished.npz", "round 1", Pace(deadline=0.0))
        for _ in range(2):  # so that there is also what was saved before
            with pytest.raises(OutOfTime):
                replay_influence(after, VALIDATION, horizon="auto", checkpoint=stop, verbose=0)
        assert previous(stop.path).exists()

    first, _ = train_rounds(train_model, TRAIN, VALIDATION, **settings)
    stopped(trainings[0])
    again, _ = train_rounds(train_model, TRAIN, VALIDATION, **settings)
    np.testing.assert_array_equal(again.influence.scores, first.influence.scores)
    assert len(trainings) == 3  # the second round's was kept
    assert not list((tmp_path / "rounds").glob("*unfinished*"))
    stopped(trainings[0])
    other, _ = train_rounds(lambda *given: train_model(*given, seed=2), TRAIN, VALIDATION, **settings)
    expected = replay_influence(trainings[-1], VALIDATION, horizon="auto", verbose=0)
    np.testing.assert_array_equal(other.influence.scores, expected.scores)


def test_data_sets_are_scored_and_cut_down_as_arrays_are():
    problem = SoftmaxRegression(samples=30)
    arrays, validation = (problem.x, problem.y), (problem.x_validation, problem.y_validation)
    seen = []

    def train_model(train, round):
        seen.append(train)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile("sgd", loss=problem.model.loss)
        model.layers[0].kernel.assign(np.linspace(-1, 1, 12).reshape(4, 3))
        return model

    def influence(model, train, validation):
        return total_influence(model, train, validation, damping=0.05, solver="exact", verbose=0)

    criterion = Criterion(cap=8, class_cap=4)
    expected = train_rounds(train_model, arrays, validation, criterion=criterion, influence=influence)
    for data in (tf.data.Dataset.from_tensor_slices(arrays).batch(7), (*arrays, np.ones(30))):
        rounds = train_rounds(train_model, data, validation, criterion=criterion, influence=influence)
        np.testing.assert_array_equal(rounds[0].dropped, expected[0].dropped)
        np.testing.assert_allclose(rounds[0].influence.scores, expected[0].influence.scores, rtol=1e-3, atol=1e-5)
        first, second = seen[-2:]
        assert first is data
        kept = [(data[0], data[1])] if isinstance(second, tuple) else list(second)
        labels = second[1] if isinstance(second, tuple) else np.concatenate([y for _, y in kept])
        np.testing.assert_array_equal(labels, problem.y[rounds[1].samples])
    assert len(rounds[0].dropped) > 0
