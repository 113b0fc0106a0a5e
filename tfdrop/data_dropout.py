"""Data dropout: which training samples to drop, and training again without them (the paper's Algorithm).

def train_model(train, round):
    model = build()                      # from scratch in every round
    model.fit(*train, ...)
    return model

rounds = train_rounds(train_model, (x, y), (x_validation, y_validation))
rounds[-1].model
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdrop.data.samples import count, select
from tfdrop.influence import Influence, total_influence


class NothingLeftError(ValueError):
    """The criterion would drop every training sample."""


@dataclass(frozen=True)
class Round:
    """One round of training.

    Attributes:
        number: 1 for the first round.
        model: The trained model.
        samples: Indices of the training samples that this round trained on.
        influence: Their `Influence`, in the order of `samples`; `None` after the last round.
        dropped: Indices of the samples that the next round leaves out; empty after the last round.
    """

    number: int
    model: Any
    samples: np.ndarray
    influence: Influence | None
    dropped: np.ndarray


def unfavorable(scores, max_share=None):
    """Marks the training samples to drop: those whose total influence is positive (section III-B).

    Taken as printed the criterion can drop near half of the samples, as influences sum to about zero at an
    optimum; `max_share` caps it.

    Args:
        scores: Total influence of every training sample, shape `(n,)`.
        max_share: Largest share of the samples to drop, in [0, 1], those with the largest influence first.
            `None` drops all positive ones, as the paper does.

    Returns:
        Boolean array of shape `(n,)`, true for the samples to drop.

    Raises:
        ValueError: If a score is not finite or `max_share` is outside [0, 1].
    """
    scores = np.asarray(scores)
    if not np.isfinite(scores).all():
        first = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(
            "Invalid value received for argument `scores`. "
            f"Expected finite numbers. Received: {scores[first]} for sample {first}"
        )
    dropped = scores > 0
    if max_share is not None:
        if not 0 <= max_share <= 1:
            raise ValueError(
                "Invalid value received for argument `max_share`. "
                f"Expected a float in [0, 1] or None. Received: max_share={max_share!r}"
            )
        dropped[np.argsort(-scores, kind="stable")[int(max_share * len(scores) + 1e-9) :]] = False
    return dropped


def train_rounds(train_model, train, validation, rounds=2, max_drop_share=None, influence=total_influence):
    """Trains, drops the unfavorable samples, and trains again from scratch, `rounds` times in all.

    Args:
        train_model: Function `(train, round) -> model` that builds a model, trains it on the given arrays
            `(x, y)` and returns it, compiled with the training loss. `round` counts from 1, so that
            augmentation can be switched on in the second round, as the paper does.
        train: Arrays `(x, y)` of training samples.
        validation: Validation data, as `total_influence` takes it.
        rounds: Number of rounds, at least 1; 2 is the paper's.
        max_drop_share: Cap on the share of its samples that a round may drop; `None` is the paper's criterion.
        influence: Function `(model, train, validation) -> Influence`, `total_influence` with its defaults
            unless another is given.

    Returns:
        List of one `Round` a round.

    Raises:
        ValueError: If `rounds` is less than 1.
        NothingLeftError: If every sample would be dropped.
    """
    if not isinstance(rounds, int) or rounds < 1:
        raise ValueError(
            "Invalid value received for argument `rounds`. "
            f"Expected an integer of at least 1. Received: rounds={rounds!r}"
        )
    samples = np.arange(count(train))
    done = []
    for number in range(1, rounds + 1):
        kept = train if number == 1 else select(train, samples)
        model = train_model(kept, number)
        if number == rounds:
            done.append(Round(number, model, samples, None, samples[:0]))
            break
        found = influence(model, kept, validation)
        drop = unfavorable(found.scores, max_drop_share)
        if drop.all():
            raise NothingLeftError(f"Every one of the {len(samples)} samples is unfavorable after round {number}")
        done.append(Round(number, model, samples, found, samples[drop]))
        samples = samples[~drop]
    return done
