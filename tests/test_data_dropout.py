import keras
import numpy as np
import pytest
from problems import SoftmaxRegression

from tfdrop.data_dropout import train_rounds, unfavorable
from tfdrop.influence import total_influence


def test_criterion_is_a_positive_influence():
    assert unfavorable([0.5, 0.0, -1.0, 1e-9]).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("max_share", "dropped"), [(0.0, []), (0.2, [2]), (0.39, [2]), (0.4, [0, 2]), (0.9, [0, 2, 3]), (1.0, [0, 2, 3])]
)
def test_cap_drops_the_largest_first(max_share, dropped):
    assert np.flatnonzero(unfavorable([2.0, -1.0, 3.0, 1.0, 0.0], max_share)).tolist() == dropped


def test_cap_is_not_one_short_of_a_whole_number():
    assert unfavorable(np.ones(100), 0.29).sum() == 29


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_bad_share(bad):
    with pytest.raises(ValueError, match="argument `max_share`"):
        unfavorable([1.0], bad)


def test_scores_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="nan for sample 1"):
        unfavorable([1.0, np.nan, np.inf])


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
    rounds = train_rounds(train_model, (problem.x, problem.y), validation, 3, 0.1, quiet_influence)
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
    first, second = train_rounds(train_model, (problem.x, y), validation, 2, 0.2, quiet_influence)
    assert wrong[first.dropped].mean() > 0.6
    assert second.model.evaluate(*validation, verbose=0) < first.model.evaluate(*validation, verbose=0)
