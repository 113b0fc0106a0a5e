"""What an arm is: one training of several side by side. No deep-learning backend is needed to list or name them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

FULL, RANDOM = "full set", "random drop"  # the two controls


def round_name(number: int) -> str:
    """Returns the name of the arm of a round."""
    return f"round {number}"


class Arm(NamedTuple):
    """One training: on which samples, and with which settings.

    Attributes:
        name: What tables call it; unique among the arms of a run.
        settings: Its settings where they are not the run's.
        round: The round whose augmentation and drop layers it has.
        after: Name of an earlier arm: it trains on that arm's samples except those that are dropped. On all if empty.
        random: Whether the samples are dropped at random, from all, as many as the criterion would leave.
        cap: Most samples to drop, as `tfdrop.data_dropout.Criterion` takes it; `None` for the criterion as printed.
        ranking: Which ranking of that arm's samples says what is dropped, where not the one of the settings.
        threshold: What the score of a dropped sample exceeds, as `Criterion` takes it; 0 is the paper's.
        weight: Weight that dropped samples keep, in the batches that they had; 0 leaves them out.
        counted: Whether to count the samples that are unfavorable by its own network even if no arm drops them.
        paper: The paper's number, where it has one.
    """

    name: str
    settings: Mapping[str, Any] = MappingProxyType({})
    round: int = 1
    after: str = ""
    random: bool = False
    cap: float | int | None = None
    ranking: str = ""
    threshold: float = 0.0
    weight: float = 0.0
    counted: bool = False
    paper: Any = None
