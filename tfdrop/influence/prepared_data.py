"""Data as the loss takes it: pairs `(x, y)` of arrays, `y` in the outputs' order and with the weights that it has."""

import keras
import numpy as np

from tfdrop.influence.user_data import UserData


class PreparedData:
    """The batches `(x, y)` of some data; every iteration is a pass.

    Where positions are masked or weights are averaged over, one pass beforehand finds how many there are in all.

    Args:
        name: Name of the argument, for errors.
        data: As for `UserData`.
        objective: The `Objective`, or `None` for labels as they are.
        batch_size: Samples per batch of arrays.

    Attributes:
        arrays: The tuple `(x, y)` of all samples; `None` of a data set.
    """

    def __init__(self, name, data, objective, batch_size):
        self._name = name
        self._given = UserData(name, data)
        self._objective = objective
        self._batch_size = batch_size
        self._factors = self._find_factors() if objective is not None and objective.averages_over_weights else None
        self.arrays = None if self._given.arrays is None else self._all(*self._given.arrays)

    def __iter__(self):
        for batch in self._given.batches(self._batch_size):
            yield batch[0], self._targets(*batch)

    def __len__(self):
        return len(self._given)

    def _targets(self, x, labels, sample_weight):
        if self._objective is None:
            return labels
        labels, weights, _ = self._objective.targets(self._name, x, labels, sample_weight)
        return self._objective.joined(labels, weights, self._factors)

    def _all(self, x, labels, sample_weight):
        if self._objective is None or not self._objective.masked:
            return x, self._targets(x, labels, sample_weight)
        parts = [y for _, y in self]
        return x, keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    def _find_factors(self):
        """Returns the factor of each output's weights: what they are averaged over, by what is left of it."""
        batches = self._given.batches(self._batch_size)
        tallies = sum(self._objective.targets(self._name, *batch)[2] for batch in batches)
        if np.shape(tallies) == ():  # no batches; who reads the data says so
            return None
        if not tallies[:, 1].all():
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected some weights that are not zero. "
                "Received: masks or weights that leave nothing to learn from"
            )
        return tallies[:, 0] / tallies[:, 1]
