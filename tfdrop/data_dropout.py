"""Data dropout: which training samples to drop, and training again without them (the paper's Algorithm).

def train_model(train, round):
    model = build()                      # from scratch in every round
    model.fit(*train, ...)
    return model

rounds = train_rounds(train_model, (x, y), (x_validation, y_validation))
rounds[-1].model
"""

import numbers
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfdrop.arguments import check_whole, invalid, is_number
from tfdrop.data.samples import count, select, stream
from tfdrop.influence import Influence, total_influence


class NothingLeftError(ValueError):
    """The criterion would drop every training sample."""


@dataclass(frozen=True)
class Criterion:
    """Which training samples to drop: those whose total influence is positive (section III-B), or fewer.

    Taken as printed the criterion can drop near half of the samples, as influences sum to about zero at an optimum; a
    threshold or a cap drops fewer, those with the largest influence first.

    Args:
        threshold: Influence that a sample must exceed; 0 is the paper's.
        cap: Most samples to drop: a float in [0, 1] is a share of them, an integer a number. `None` is the paper's.
        class_cap: The same for each class by itself; for integer labels only.

    Raises:
        ValueError: If an argument is out of range.
    """

    threshold: float = 0.0
    cap: float | int | None = None
    class_cap: float | int | None = None

    def __post_init__(self):
        if not is_number(self.threshold):
            raise invalid("threshold", "a finite number", self.threshold)
        for name in ("cap", "class_cap"):
            value = getattr(self, name)
            share = isinstance(value, float) and 0 <= value <= 1
            number = isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= 0
            if value is not None and not (share or number):
                raise invalid(name, "a float in [0, 1], an integer of at least 0, or None", value)

    def unfavorable(self, scores, labels=None):
        """Marks the training samples to drop.

        Args:
            scores: Total influence of every training sample, shape `(n,)`.
            labels: Their classes, integers of shape `(n,)`, for `class_cap`.

        Returns:
            Boolean array of shape `(n,)`, true for the samples to drop.

        Raises:
            ValueError: If a score is not finite, or classes are needed and not there.
        """
        scores = np.asarray(scores)
        if not np.isfinite(scores).all():
            first = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise ValueError(
                "Invalid value received for argument `scores`. "
                f"Expected finite numbers. Received: {scores[first]} for sample {first}"
            )
        dropped = scores > self.threshold
        if self.class_cap is not None:
            labels = _classes(labels, len(scores))
            for label in np.unique(labels):
                _keep_all_but_largest(dropped, scores, np.flatnonzero(labels == label), self.class_cap)
        if self.cap is not None:
            _keep_all_but_largest(dropped, scores, np.arange(len(scores)), self.cap)
        return dropped


def _classes(labels, samples):
    labels = np.asarray(labels).reshape(-1) if labels is not None else None
    if labels is None or len(labels) != samples or not np.issubdtype(labels.dtype, np.integer):
        raise invalid("labels", f"{samples} integer labels, for a cap by class", None if labels is None else labels)
    return labels


def _keep_all_but_largest(dropped, scores, group, cap):
    """Clears the marks of a group's samples but for the cap's number of those with the largest scores."""
    most = int(cap * len(group) + 1e-9) if isinstance(cap, float) else cap
    marked = group[dropped[group]]
    dropped[marked[np.argsort(-scores[marked], kind="stable")[most:]]] = False


@dataclass(frozen=True)
class Round:
    """One round of training.

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
    influence: Influence | None
    dropped: np.ndarray

    @property
    def unfavorable(self):
        """Number of samples with positive influence, dropped or not (Fig. 1 of the paper); `None` if not computed."""
        return None if self.influence is None else int((self.influence.scores > 0).sum())


def train_rounds(train_model, train, validation, rounds=2, criterion=None, influence=total_influence, count_last=False):
    """Trains, drops the unfavorable samples, and trains again from scratch, `rounds` times in all.

    Args:
        train_model: Function `(train, round) -> model` that builds a model, trains it on the given arrays
            `(x, y)` and returns it, compiled with the training loss. `round` counts from 1, so that
            augmentation can be switched on in the second round, as the paper does.
        train: Arrays `(x, y)` of training samples.
        validation: Validation data, as `total_influence` takes it.
        rounds: Number of rounds, at least 1; 2 is the paper's.
        criterion: A `Criterion`; by default the paper's.
        influence: Function `(model, train, validation) -> Influence`, `total_influence` with its defaults
            unless another is given.
        count_last: Whether to compute the influence after the last round too, as for Fig. 1 of the paper.

    Returns:
        List of one `Round` a round.

    Raises:
        ValueError: If `rounds` is less than 1.
        NothingLeftError: If every sample would be dropped.
    """
    check_whole("rounds", rounds)
    criterion = criterion or Criterion()
    samples = np.arange(count(train))
    done = []
    for number in range(1, rounds + 1):
        kept = train if number == 1 else select(train, samples)
        model = train_model(kept, number)
        last = number == rounds
        found = influence(model, kept, validation) if not last or count_last else None
        drop = np.zeros(len(samples), bool) if last else criterion.unfavorable(found.scores, _labels(kept))
        if drop.all():
            raise NothingLeftError(f"Every one of the {len(samples)} samples is unfavorable after round {number}")
        done.append(Round(number, model, samples, found, samples[drop]))
        samples = samples[~drop]
    return done


def _labels(train):
    """Returns the labels if they are classes: integers, one a sample."""
    labels = train[1]
    is_classes = hasattr(labels, "dtype") and np.issubdtype(np.asarray(labels).dtype, np.integer)
    return labels if is_classes and np.size(labels) == len(labels) else None


class Controls(NamedTuple):
    """The samples of two trainings to hold beside the last round: they tell what dropping did, and what else did.

    Attributes:
        full: All of them: what the last round's settings (augmentation, for one) do by themselves.
        random: As many as the last round has, chosen at random: what a smaller set does by itself.
    """

    full: np.ndarray
    random: np.ndarray


def control_samples(samples, kept, seed=0):
    """Returns the `Controls` of a last round that trained on `kept` of `samples` training samples.

    Each is trained on with the last round's settings, `train_model(select(train, controls.full), rounds)`.
    """
    check_whole("kept", kept)
    if kept > samples:
        raise invalid("kept", f"at most the {samples} samples there are", kept)
    return Controls(np.arange(samples), np.sort(stream(seed, 5).permutation(samples)[:kept]))
