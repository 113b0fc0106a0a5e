"""The data of all rounds: read and checked before the first one, and cut down to what each trains on."""

import hashlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import invalid
from tfdrop.data.samples import select
from tfdrop.data.subset import subset
from tfdrop.data_dropout.criterion import labels_as_classes
from tfdrop.influence.training_data import batch_length, check_repeatable
from tfdrop.influence.user_data import UserData

BATCH_SIZE = 1024  # of passes over arrays


class TrainingSamples:
    """Training samples as `total_influence` takes them.

    Args:
        train: Arrays `(x, y)` or `(x, y, sample_weight)`, or a data set of such batches that gives the same ones on
            every pass.
        scored: Whether they will be scored, and so have to be finite.
        by_class: Whether their classes will be asked for.

    Attributes:
        samples: Number of samples.
        digest: Text that other samples would change.

    Raises:
        TypeError: If it is something else.
        ValueError: If there are no samples, the arrays differ in length, a number is not finite, labels are not
            classes, or another pass gives others.
    """

    def __init__(self, train: Any, scored: bool, by_class: bool):
        self._given = train
        self._arrays = UserData("train", train).arrays
        self._sizes: list[int] = []
        labels: list[Any] = []

        def note(x: Any, y: Any) -> None:
            self._sizes.append(batch_length(x))
            labels.append(y if by_class else None)

        self.digest = _read("train", train, scored, note)
        self.samples = sum(self._sizes)
        if self._arrays is None:
            check_repeatable(UserData("train", train).batches(1) for _ in range(2))
        self._classes = labels_as_classes(_joined(labels), self.samples) if by_class else None

    def kept(self, indices: np.ndarray) -> Any:
        """Returns the samples with these indices, in the form of the data; all of them are the data itself."""
        if len(indices) == self.samples:
            return self._given
        if self._arrays is None:
            return subset(self._given, indices, self._sizes)
        return select(tuple(part for part in self._arrays if part is not None), indices)

    def classes(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the classes of the samples with these indices; `None` where they were not asked for."""
        return None if self._classes is None else self._classes[indices]


def check_validation(validation: Any, uses: int) -> str:
    """Raises a `ValueError` for validation data from which influence cannot be computed so many times.

    Returns:
        Text that other samples would change, of arrays; a data set may shuffle, and an iterator is not read.
    """
    if validation is None:
        raise invalid("validation", "validation data, to compute influence on", validation)
    if hasattr(validation, "__next__"):
        if uses > 1:
            expected = f"data that can be read {uses} times: arrays, a list of batches or a tf.data.Dataset"
            raise invalid("validation", expected, received="an iterator")
        return ""
    digest = _read("validation", validation, finite=True)
    return "" if UserData("validation", validation).arrays is None else digest


def _read(name: str, data: Any, finite: bool, note: Callable[[Any, Any], None] = lambda x, y: None) -> str:
    """Passes over data once, checks it, and returns its digest; `note(x, y)` is called for every batch."""
    digest, first = hashlib.sha256(), 0
    for x, y, weight in UserData(name, data).batches(BATCH_SIZE):
        for array in keras.tree.flatten((x, y) if weight is None else (x, y, weight)):
            if finite:
                _check_finite(name, array, first)
            content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
            digest.update(repr((array.shape, array.dtype)).encode() + content)
        note(x, y)
        first += batch_length(x)
    if first == 0:
        raise invalid(name, "at least one sample", received="none")
    return digest.hexdigest()


def _check_finite(name: str, array: np.ndarray, first: int) -> None:
    if np.issubdtype(array.dtype, np.floating) and not (finite := np.isfinite(array)).all():
        place = tuple(np.argwhere(~finite)[0])
        raise invalid(name, "finite values", received=f"{array[place]} in sample {first + place[0]}")


def _joined(labels: list[Any]) -> Any:
    whole = all(isinstance(each, np.ndarray) and each.ndim for each in labels)
    return np.concatenate(labels) if whole else labels
