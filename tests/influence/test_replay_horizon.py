"""How far a replay walks back, and where its derivatives overflow."""

import keras
import numpy as np
import pytest

from tfdrop.influence import replay_influence
from tfdrop.influence.replay.horizon import Horizon
from tfdrop.training import Training


@pytest.mark.parametrize(("share", "first"), [(1, 0), (1.0, 0), (0.5, 5), (0.25, 8), (1e-9, 9), ("auto", 0)])
def test_how_far_a_share_goes(share, first):
    assert Horizon(share, 10).first == first


def walked(norms, steps, **more):
    """Returns the number of steps that are walked for a sequence of norms."""
    horizon = Horizon("auto", steps, **more)
    horizon.add([np.array([norms[0]])])
    for number, norm in enumerate(norms[1:], start=1):
        horizon.add([np.array([norm])])
        if horizon.is_past:
            return number
    return len(norms) - 1


@pytest.mark.parametrize(
    ("norms", "expected"),
    [
        ([5, 4, 3, 2, 1], 4),  # all the way
        ([5, 4, 3, 4, 9, 10, 1], 6),  # never more than twice as long
        ([5, 4, 3, 5, 10.5, 2, 3], 4),
        ([5, 11, 4, 3], 1),
    ],
)
def test_the_automatic_horizon_ends_where_the_norm_has_doubled(norms, expected):
    assert walked(norms, len(norms) - 1) == expected


def test_the_automatic_horizon_is_an_epoch_at_least():
    """Samples that do not come up in the steps that are walked would have a score of 0, as if they did nothing."""
    assert walked([1, 3, 4, 5, 6, 7], 5, least=3) == 3
    assert walked([5, 4, 3, 12, 6, 7], 5, least=2) == 3


@pytest.mark.parametrize("share", [0.9, "auto"])
def test_an_overflow_is_an_error_that_says_how_far_to_go(share):
    horizon = Horizon(share, 10)
    horizon.add([np.ones(2)])
    horizon.add([np.ones(2)])
    with pytest.raises(ValueError, match=r"argument `horizon`. Expected a share of less than 0.1, for a training"):
        horizon.add([np.array([np.inf])])


def test_an_overflow_is_placed_in_the_training():
    """At a loss of zero nothing moves, but the derivative grows a million times with every step that is walked back."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    loss, rate = keras.losses.MeanSquaredError(), keras.optimizers.schedules.PiecewiseConstantDecay([7], [1e6, 5e5])
    x, y = np.ones((10, 1), "float32"), np.zeros((10, 1), "float32")
    taken = Training(model, keras.optimizers.SGD(rate), loss, (x, y), batch_size=5, epochs=6, record=True)
    assert np.concatenate(list(taken.dispatches())).tolist() == [0.0] * 12
    # 2e6^2 * 1e6^4 is within float32; two more steps are not.
    said = r"less than 0\.\d+, .*overflow at step 6, in epoch 3, with learning rate 1e\+06; the training is as it was"
    with pytest.raises(ValueError, match=said):
        replay_influence(taken, (x, y + 1), verbose=0)
