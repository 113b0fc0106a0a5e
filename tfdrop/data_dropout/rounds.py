"""Rounds of training, with data dropout between them: the paper's Algorithm."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_whole, invalid, wrong_type
from tfdrop.checkpoint import Checkpoint, CheckpointError
from tfdrop.data_dropout.criterion import Criterion
from tfdrop.data_dropout.rounds_data import TrainingSamples, check_validation
from tfdrop.data_dropout.rounds_folder import RoundsFolder
from tfdrop.influence import Influence, ReplayInfluence, replay_influence, total_influence
from tfdrop.influence.measures import MEASURES, measure_loss, measure_name
from tfdrop.training import Training
from tfdrop.whole_files import forget


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
    train_model: Callable[[Any, int], Any],
    train: Any,
    validation: Any,
    rounds: int = 2,
    criterion: Criterion | None = None,
    influence: str | Callable[[keras.Model, Any, Any], Influence | ReplayInfluence] = total_influence,
    count_last: bool = False,
    measure: Any = "loss",
    checkpoint: str | Path | None = None,
) -> list[Round]:
    """Trains, drops the unfavorable samples, and trains again from scratch, `rounds` times in all.

    Everything that can be checked is checked before the first training; data is read once for that.

    Args:
        train_model: Function `(train, round) -> model` that builds a model, trains it on the given samples, which have
            the form of `train`, and returns it, compiled with the training loss; with `influence="replay"`, returns the
            finished `tfdrop.training.Training`, recorded. `round` counts from 1, so that augmentation can be switched
            on in the second round, as the paper does.
        train: Training samples as `total_influence` takes them: arrays `(x, y)` or `(x, y, sample_weight)`, or a
            `tf.data.Dataset`, `PyDataset` or list of such batches, the same on every pass.
        validation: Validation data, as `total_influence` takes it; one that can be read again and again where influence
            is computed more than once.
        rounds: Number of rounds, at least 1; 2 is the paper's.
        criterion: A `Criterion`; by default the paper's.
        influence: `"replay"`, for `replay_influence` with its automatic horizon, which foretells retraining; or a
            function `(model, train, validation) -> Influence`, by default `total_influence` with its own defaults.
        count_last: Whether to compute the influence after the last round too, as for Fig. 1 of the paper.
        measure: What `"replay"` and `total_influence` find the influence on: `"loss"`, `"expected_error"`, `"psnr"`, or
            any Keras loss per sample.
        checkpoint: A folder. The same call with the same folder goes on after an interruption: finished trainings and
            influences are not done again, and `total_influence` and replay go on in the middle. A training that was
            interrupted, or not yet replayed, begins anew, unless `train_model` resumes it, as a `Training` with a
            folder as `record` does by `restore()`. What `train_model` and a function `influence` do is not compared:
            where they change, take another folder.

    Returns:
        List of one `Round` per round.

    Raises:
        TypeError: If `train` is no such data, or `train_model` returns what the influence is not computed from.
        ValueError: If an argument is out of range.
        NothingLeftError: If every sample would be dropped.
        CheckpointError: If the folder holds other rounds, or is damaged.

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
    uses = rounds - 1 + bool(count_last)
    _check(train_model, criterion, influence, measure)
    data = TrainingSamples(train, scored=uses > 0, by_class=uses > 0 and criterion.class_cap is not None)
    about = {"training data": data.digest, "validation data": check_validation(validation, uses) if uses else ""}
    about |= {"criterion": repr(criterion), "measure": measure_name(measure), "influence": _name(influence)}
    folder = RoundsFolder(checkpoint, about)
    done: list[Round] = []
    samples = np.arange(data.samples)
    for number in range(1, rounds + 1):
        last = number == rounds
        model, found = _round(
            folder, number, train_model, data.kept(samples), validation, influence, measure, not last or count_last
        )
        drop = np.zeros(len(samples), bool)
        if found is not None and not last:
            drop = criterion.unfavorable(found.scores, data.classes(samples))
            if drop.all():
                message = f"Every one of the {len(samples)} samples is unfavorable after round {number}"
                raise NothingLeftError(message, model, found)
        done.append(Round(number, model, samples, found, samples[drop]))
        samples = samples[~drop]
    return done


def _round(folder, number, train_model, train, validation, influence, measure, scored):
    """Returns the model of a round and, if it is scored, its influence; what the folder has is not done again."""
    found = folder.influence(number) if scored else None
    wants_training = scored and found is None and influence == "replay"
    trained = None if wants_training else folder.model(number)
    if trained is None:
        trained = train_model(train, number)
        folder.keep_model(number, trained.model if isinstance(trained, Training) else trained)
    if scored and found is None:
        unfinished = folder.unfinished_influence(number)
        found = _influence(influence, trained, train, validation, measure, unfinished)
        folder.keep_influence(number, found)
    return trained.model if isinstance(trained, Training) else trained, found


def _influence(influence, trained, train, validation, measure, checkpoint):
    if influence == "replay":
        return _replayed(trained, validation, measure, checkpoint)
    model = trained.model if isinstance(trained, Training) else trained
    if influence is total_influence:
        return total_influence(model, train, validation, measure=measure, checkpoint=checkpoint)
    return influence(model, train, validation)


def _replayed(training: Any, validation: Any, measure: Any, checkpoint: Checkpoint | None) -> ReplayInfluence:
    if not isinstance(training, Training):
        expected = "a function that returns a recorded tfdrop.training.Training, for influence='replay'"
        raise wrong_type("train_model", expected, received=f"one that returns {type(training)}")
    if checkpoint is not None:
        with contextlib.suppress(CheckpointError):  # of a training that has begun anew since and came to other weights
            return replay_influence(training, validation, measure, horizon="auto", checkpoint=checkpoint)
        forget(checkpoint.path)
    return replay_influence(training, validation, measure, horizon="auto", checkpoint=checkpoint)


def _name(influence: Any) -> str:
    if influence is total_influence:
        return "total_influence"
    return influence if isinstance(influence, str) else "a function"


def _check(train_model: Any, criterion: Any, influence: Any, measure: Any) -> None:
    """Raises `ValueError` for an argument that would otherwise fail after a round."""
    if not callable(train_model):
        raise invalid("train_model", "a function", train_model)
    if influence != "replay" and not callable(influence):
        raise invalid("influence", "a function, or 'replay'", influence)
    if not isinstance(criterion, Criterion):
        raise invalid("criterion", "a Criterion, such as Criterion(cap=0.03), or None", criterion)
    if isinstance(measure, str) and measure in MEASURES:
        if measure != "loss" and influence not in ("replay", total_influence):
            raise invalid("measure", "'loss' with an influence function, which has its own", measure)
    else:
        measure_loss(measure, None)
