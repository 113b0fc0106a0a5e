"""Rounds of training, with data dropout between them: the paper's Algorithm."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_whole, invalid, wrong_type
from tfdrop.data.samples import count, is_arrays, select
from tfdrop.data_dropout.criterion import Criterion, labels_as_classes
from tfdrop.influence import Influence, ReplayInfluence, replay_influence, total_influence
from tfdrop.training import Training


class NothingLeftError(ValueError):
    """The criterion would drop every training sample.

    Attributes:
        model: The model of the round that the scores are from.
        influence: Its `Influence`, for another criterion.
    """

    def __init__(self, message: str, model: keras.Model, influence: Influence | ReplayInfluence):
        super().__init__(message)
        self.model = model
        self.influence = influence


@dataclass(frozen=True)
class Round:
    """One round of training: what it trained on, its model, and what it found.

    Attributes:
        number: 1 for the first round.
        model: The trained model.
        samples: Indices of the training samples that this round trained on.
        influence: Their `Influence`, in the order of `samples`; `None` after the last round, unless asked for.
        dropped: Indices of the samples that the next round leaves out; empty after the last round.
    """

    number: int
    model: Any
    samples: np.ndarray
    influence: Influence | ReplayInfluence | None
    dropped: np.ndarray

    @property
    def unfavorable(self) -> int | None:
        """Number of samples with positive influence, dropped or not (Fig. 1 of the paper); `None` if not computed."""
        return None if self.influence is None else int((self.influence.scores > 0).sum())


def train_rounds(
    train_model: Callable[[Any, int], keras.Model],
    train: tuple[Any, Any],
    validation: Any,
    rounds: int = 2,
    criterion: Criterion | None = None,
    influence: str | Callable[[keras.Model, Any, Any], Influence | ReplayInfluence] = total_influence,
    count_last: bool = False,
    measure: Any = "loss",
) -> list[Round]:
    """Trains, drops the unfavorable samples, and trains again from scratch, `rounds` times in all.

    Everything that can be checked is checked before the first training.

    Args:
        train_model: Function `(train, round) -> model` that builds a model, trains it on the given arrays
            `(x, y)` and returns it, compiled with the training loss; with `influence="replay"`, returns the finished
            `tfdrop.training.Training`, recorded. `round` counts from 1, so that augmentation can be switched on in the
            second round, as the paper does.
        train: Arrays `(x, y)` of training samples.
        validation: Validation data, as `total_influence` takes it; one that can be read again and again where influence
            is computed more than once.
        rounds: Number of rounds, at least 1; 2 is the paper's.
        criterion: A `Criterion`; by default the paper's.
        influence: `"replay"`, for `replay_influence` with its automatic horizon, which foretells retraining; or a
            function `(model, train, validation) -> Influence`, by default `total_influence` with its own defaults.
        count_last: Whether to compute the influence after the last round too, as for Fig. 1 of the paper.
        measure: What `"replay"` and `total_influence` find the influence on: `"loss"`, `"expected_error"`, or any Keras
            loss per sample.

    Returns:
        List of one `Round` per round.

    Raises:
        TypeError: If `train` is not a tuple `(x, y)`, or `train_model` returns what the influence is not computed from.
        ValueError: If an argument is out of range.
        NothingLeftError: If every sample would be dropped.

    >>> import keras
    >>> x = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    >>> def train_model(train, round):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     model.fit(*train, verbose=0)
    ...     return model
    >>> def influence(model, train, validation):
    ...     return total_influence(model, train, validation, damping=0.1, verbose=0)
    >>> first, second = train_rounds(
    ...     train_model, (x, x[:, :1]), (x, x[:, :1]), criterion=Criterion(cap=3), influence=influence
    ... )
    >>> len(first.samples), len(second.samples) == 20 - len(first.dropped), len(first.dropped) <= 3
    (20, True, True)
    """
    check_whole("rounds", rounds)
    criterion = Criterion() if criterion is None else criterion
    samples = np.arange(count(train, "train"))
    found_by = _influence_function(influence, measure)
    _check(train_model, train, validation, criterion, found_by, uses=rounds - 1 + bool(count_last))
    done = []
    for number in range(1, rounds + 1):
        kept = train if number == 1 else select(train, samples)
        trained = train_model(kept, number)
        model = trained.model if isinstance(trained, Training) else trained
        last = number == rounds
        found = found_by(trained, kept, validation) if not last or count_last else None
        drop = np.zeros(len(samples), bool)
        if found is not None and not last:
            drop = criterion.unfavorable(found.scores, None if criterion.class_cap is None else kept[1])
            if drop.all():
                message = f"Every one of the {len(samples)} samples is unfavorable after round {number}"
                raise NothingLeftError(message, model, found)
        done.append(Round(number, model, samples, found, samples[drop]))
        samples = samples[~drop]
    return done


def _influence_function(influence: Any, measure: Any) -> Any:
    """Returns a function `(trained, train, validation) -> influence`."""
    if influence == "replay":
        return partial(_replayed, measure=measure)
    if influence is total_influence:
        return partial(total_influence, measure=measure)
    if measure != "loss":
        raise invalid("measure", "'loss' with an influence function, which has its own", measure)
    return influence


def _replayed(training: Any, train: Any, validation: Any, measure: Any) -> ReplayInfluence:
    if not isinstance(training, Training):
        expected = "a function that returns a recorded tfdrop.training.Training, for influence='replay'"
        raise wrong_type("train_model", expected, received=f"one that returns {type(training)}")
    return replay_influence(training, validation, measure, horizon="auto")


def _check(train_model: Any, train: Any, validation: Any, criterion: Any, influence: Any, uses: int) -> None:
    """Raises `ValueError` for what would otherwise fail after a round; influence is computed `uses` times."""
    for name, function in (("train_model", train_model), ("influence", influence)):
        if not callable(function):
            raise invalid(name, "a function", function)
    if not isinstance(criterion, Criterion):
        raise invalid("criterion", "a Criterion, such as Criterion(cap=0.03), or None", criterion)
    if uses and criterion.class_cap is not None:
        labels_as_classes(train[1], count(train, "train"))
    if uses and validation is None:
        raise invalid("validation", "validation data, to compute influence on", validation)
    if uses and is_arrays(validation):
        count(validation, "validation")
    if uses > 1 and hasattr(validation, "__next__"):
        expected = f"data that can be read {uses} times: arrays, a list of batches or a tf.data.Dataset"
        raise invalid("validation", expected, received="an iterator")
