import keras
import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.data_dropout import Criterion, NothingLeftError, control_samples, train_rounds
from tfdrop.influence import replay_influence, total_influence
from tfdrop.training import Training


def dropped_by(scores, labels=None, **criterion):
    return np.flatnonzero(Criterion(**criterion).unfavorable(scores, labels)).tolist()


def test_criterion_is_a_positive_influence():
    assert dropped_by([0.5, 0.0, -1.0, 1e-9]) == [0, 3]


def test_threshold():
    assert dropped_by([0.5, 0.0, -1.0, 0.3, 0.31], threshold=0.3) == [0, 4]


@pytest.mark.parametrize(
    ("cap", "dropped"),
    [(0.0, []), (0.2, [2]), (0.39, [2]), (0.4, [0, 2]), (0.9, [0, 2, 3]), (1.0, [0, 2, 3]),
     (0, []), (1, [2]), (2, [0, 2]), (9, [0, 2, 3])],
)  # fmt: skip
def test_cap_drops_the_largest_first(cap, dropped):
    assert dropped_by([2.0, -1.0, 3.0, 1.0, 0.0], cap=cap) == dropped


def test_cap_is_not_one_short_of_a_whole_number():
    assert len(dropped_by(np.ones(100), cap=0.29)) == 29


def test_caps_by_class_against_a_loop():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=200), rng.integers(0, 7, 200)
    for class_cap, cap in ((3, None), (0.1, None), (4, 15)):
        expected = []
        for label in range(7):
            members = np.flatnonzero(labels == label)
            most = class_cap if isinstance(class_cap, int) else int(class_cap * len(members))
            worst = sorted(members, key=lambda i: -scores[i])[:most]
            expected += [i for i in worst if scores[i] > 0]
        expected = sorted(sorted(expected, key=lambda i: -scores[i])[:cap])
        assert dropped_by(scores, labels, cap=cap, class_cap=class_cap) == expected


@pytest.mark.parametrize("bad", [{"cap": -0.1}, {"cap": 1.1}, {"class_cap": -1}, {"cap": True}, {"cap": "half"}])
def test_bad_caps(bad):
    with pytest.raises(ValueError, match=f"argument `{next(iter(bad))}`"):
        Criterion(**bad)


def test_bad_thresholds_and_labels():
    with pytest.raises(ValueError, match="argument `threshold`"):
        Criterion(threshold=float("nan"))
    for labels in (None, np.zeros(3, int), np.zeros(2)):
        with pytest.raises(ValueError, match="argument `labels`"):
            Criterion(class_cap=1).unfavorable([1.0, 2.0], labels)


def test_scores_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="nan for sample 1"):
        Criterion().unfavorable([1.0, np.nan, np.inf])


def test_controls_are_everything_and_as_many_at_random():
    controls = control_samples(50, 37, seed=4)
    assert controls.full.tolist() == list(range(50))
    assert len(set(controls.random)) == 37
    assert controls.random.max() < 50
    assert controls.random.tolist() == control_samples(50, 37, seed=4).random.tolist()
    assert controls.random.tolist() != control_samples(50, 37, seed=5).random.tolist()
    with pytest.raises(ValueError, match="argument `kept`"):
        control_samples(5, 6)


def test_unfavorable_samples_are_counted_after_every_round():
    """As in Fig. 1 of the paper."""
    problem = SoftmaxRegression(samples=80)

    def train_model(train, round):
        model = new_model(problem)
        model.fit(*train, epochs=2, verbose=0)
        return model

    validation = (problem.x_validation, problem.y_validation)
    rounds = train_rounds(
        train_model, (problem.x, problem.y), validation, 2, Criterion(class_cap=2), quiet_influence, count_last=True
    )
    assert [round.unfavorable for round in rounds] == [int((r.influence.scores > 0).sum()) for r in rounds]
    assert len(rounds[1].influence.scores) == len(rounds[1].samples) == 80 - len(rounds[0].dropped)
    assert np.bincount(problem.y[rounds[0].dropped]).max() <= 2
    assert len(rounds[1].dropped) == 0


def new_model(problem):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.5), loss=problem.model.loss)
    return model


def quiet_influence(model, train, validation):
    return total_influence(model, train, validation, damping=0.05, verbose=0)


def test_every_round_trains_on_what_the_one_before_left():
    problem = SoftmaxRegression(samples=80)
    seen = []

    def train_model(train, round):
        seen.append((round, train))
        model = new_model(problem)
        model.fit(*train, epochs=3, verbose=0)
        return model

    validation = (problem.x_validation, problem.y_validation)
    rounds = train_rounds(train_model, (problem.x, problem.y), validation, 3, Criterion(cap=0.1), quiet_influence)
    assert [round for round, _ in seen] == [1, 2, 3]
    assert [len(y) for _, (_, y) in seen] == [80, 72, 65]
    left = np.arange(80)
    for round, (_, (x, y)) in zip(rounds, seen, strict=True):
        np.testing.assert_array_equal(round.samples, left)
        np.testing.assert_array_equal(x, problem.x[left])
        np.testing.assert_array_equal(y, problem.y[left])
        if round.influence is not None:
            # Asked again, the round's model gives the same dropped samples: those with the largest influence.
            scores = quiet_influence(round.model, (x, y), validation).scores
            worst = left[np.argsort(-scores)[: len(round.dropped)]]
            assert set(round.dropped) == set(worst)
        left = np.setdiff1d(left, round.dropped)
    assert rounds[-1].influence is None
    assert len(rounds[-1].dropped) == 0


def test_one_round_needs_no_influence():
    problem = SoftmaxRegression()
    [only] = train_rounds(lambda train, round: "model", (problem.x, problem.y), None, rounds=1)
    assert (only.model, only.number, len(only.samples)) == ("model", 1, 60)


def never(train, round):
    pytest.fail("a round was trained")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"criterion": 0.03}, ValueError, r"`criterion`. Expected a Criterion, such as Criterion\(cap=0.03\)"),
        ({"criterion": {"cap": 0.03}}, ValueError, "`criterion`"),
        ({"validation": None}, ValueError, "`validation`. Expected validation data"),
        ({"validation": None, "rounds": 1, "count_last": True}, ValueError, "`validation`. Expected validation data"),
        ({"validation": (np.zeros((3, 2)), np.zeros(4))}, ValueError, "`validation`. Expected arrays with the same"),
        ({"validation": (np.zeros((0, 2)), np.zeros(0))}, ValueError, "`validation`. Expected arrays with the same"),
        ({"validation": iter([]), "rounds": 3}, ValueError, "`validation`. Expected data that can be read 2 times"),
        ({"train": None}, TypeError, r"`train`. Expected arrays \(x, y\) or \(x, y, sample_weight\), or a data set"),
        ({"train": []}, ValueError, "`train`. Expected at least one sample"),
        ({"train": [(np.ones(2), np.ones(2)), (np.ones(3), np.ones(2))]}, ValueError, "Expected arrays with the same"),
        (
            {"train": (np.float32([[0], [np.nan]]), np.zeros(2))},
            ValueError,
            "`train`. Expected finite.*nan in sample 1",
        ),
        ({"validation": [(np.ones(2), np.float32([0, np.inf]))]}, ValueError, "`validation`.*inf in sample 1"),
        ({"measure": "los"}, ValueError, r"`measure`. Expected one of \('loss', 'expected_error', 'psnr'\)"),
        ({"train": (np.zeros((3, 2)), np.zeros(4))}, ValueError, "`train`. Expected arrays with the same"),
        ({"train_model": None}, ValueError, "`train_model`. Expected a function"),
        ({"influence": "total"}, ValueError, "`influence`. Expected a function"),
        (
            {"criterion": Criterion(class_cap=1)},
            ValueError,
            r"`labels`. Expected 3 integer or one-hot.*float64 of shape",
        ),
        (
            {"criterion": Criterion(class_cap=1), "train": (np.zeros((3, 2)), np.full((3, 2), 0.5))},
            ValueError,
            r"`labels`. Expected 3 integer or one-hot labels.*\(3, 2\)",
        ),
    ],
)
def test_what_can_be_known_before_is_said_before_a_round_is_trained(change, error, message):
    arrays = (np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(error, match=message):
        train_rounds(**({"train_model": never, "train": arrays, "validation": arrays} | change))


def test_a_data_set_that_shuffles_is_refused_before_a_round_is_trained():
    class Shuffling:
        def __iter__(self):
            order = np.random.default_rng().permutation(100)
            return iter([(order, order)])

    with pytest.raises(ValueError, match="one that shuffles"):
        train_rounds(never, Shuffling(), (np.zeros((3, 2)), np.zeros(3)))


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_one_hot_labels_are_classes(dtype):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=60), rng.integers(0, 4, 60)
    one_hot = keras.utils.to_categorical(labels, 4).astype(dtype)
    assert dropped_by(scores, one_hot, class_cap=2) == dropped_by(scores, labels, class_cap=2)
    assert dropped_by(scores, labels[:, None], class_cap=2) == dropped_by(scores, labels, class_cap=2)


def test_a_cap_by_class_with_one_hot_labels_in_two_rounds():
    labels = np.repeat(np.eye(3, dtype="float32"), 5, axis=0)
    scores = np.arange(15.0) - 3

    class Found:
        def __init__(self, scores):
            self.scores = scores

    first, second = train_rounds(
        lambda train, round: "model", (np.zeros((15, 2)), labels), (np.zeros((1, 2)), labels[:1]),
        criterion=Criterion(class_cap=1), influence=lambda model, train, validation: Found(scores),
    )  # fmt: skip
    assert first.dropped.tolist() == [4, 9, 14]
    assert len(second.samples) == 12


def test_where_everything_would_be_dropped_the_round_is_not_lost():
    class Found:
        scores = np.ones(3)

    arrays = (np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(NothingLeftError, match="Every one of the 3 samples is unfavorable after round 1") as error:
        train_rounds(lambda train, round: "trained", arrays, arrays, influence=lambda *arguments: Found())
    assert error.value.model == "trained"
    assert error.value.influence.scores.tolist() == [1, 1, 1]


@pytest.mark.parametrize("bad", [0, 1.5, "2"])
def test_bad_rounds(bad):
    with pytest.raises(ValueError, match="argument `rounds`"):
        train_rounds(None, (np.zeros(3), np.zeros(3)), None, rounds=bad)


def test_dropping_a_flipped_label_block_lowers_the_validation_loss():
    """Labels of a fifth of the samples are shifted: dropping by influence finds them better than chance."""
    problem = SoftmaxRegression(samples=400)
    teacher = np.random.default_rng(5).normal(size=(4, 3))
    y, y_validation = (problem.x @ teacher).argmax(1), (problem.x_validation @ teacher).argmax(1)
    wrong = np.arange(400) < 80
    y = np.where(wrong, (y + 1) % 3, y)

    def train_model(train, round):
        model = new_model(problem)
        model.fit(*train, epochs=40, verbose=0)
        return model

    validation = (problem.x_validation, y_validation)
    first, second = train_rounds(train_model, (problem.x, y), validation, 2, Criterion(cap=0.2), quiet_influence)
    assert wrong[first.dropped].mean() > 0.6
    assert second.model.evaluate(*validation, verbose=0) < first.model.evaluate(*validation, verbose=0)


def test_replay_scores_the_training_that_the_round_was():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    validation = x[40:], y[40:]
    trainings = []

    def train_model(train, round):
        keras.utils.set_random_seed(round)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        training = Training(model, keras.optimizers.SGD(0.5), loss, train, batch_size=10, epochs=2, record=True)
        trainings.append(training)
        for _ in training.dispatches():
            pass
        return training

    settings = {"criterion": Criterion(cap=4), "influence": "replay", "measure": "expected_error"}
    first, second = train_rounds(train_model, (x[:40], y[:40]), validation, **settings)
    expected = replay_influence(trainings[0], validation, "expected_error", horizon="auto", verbose=0)
    np.testing.assert_array_equal(first.influence.scores, expected.scores)
    assert first.model is trainings[0].model
    assert len(first.dropped) == 4
    assert len(second.samples) == 36


def test_replay_needs_trainings_and_measures_need_a_function_that_takes_them():
    x, y = np.zeros((6, 2), "float32"), np.arange(6) % 2
    with pytest.raises(TypeError, match=r"a recorded tfdrop\.training\.Training, for influence='replay'"):
        train_rounds(lambda train, round: keras.Sequential(), (x, y), (x, y), influence="replay")
    with pytest.raises(ValueError, match="`measure`"):
        train_rounds(lambda train, round: None, (x, y), (x, y), influence=lambda *_: None, measure="expected_error")
