"""The validation data, in batches that are checked."""

from tfdrop.data.samples import batch_count, batches
from tfdrop.influence.prepared_data import PreparedData
from tfdrop.influence.training_data import batch_length


class ValidationData:
    """Validation samples as the loss takes them; the shapes of batches may differ.

    Args:
        data: As for `UserData`.
        objective: The `Objective`; without its class weights, which are the training's.
        batch_size: Samples per batch of arrays.
        check: A `SampleCheck`.
    """

    def __init__(self, data, objective, batch_size, check):
        prepared = PreparedData("validation", data, objective.without_class_weight(), batch_size)
        self._data = prepared if prepared.arrays is None else prepared.arrays
        self._objective = objective
        self._batch_size = batch_size
        self._check = check
        self._tried = False

    @property
    def batch_count(self):
        """The number of batches, or `None` if it cannot be known."""
        return batch_count(self._data, self._batch_size)

    def batches(self):
        """Yields `(x, y)`; every call is a pass."""
        first = 0
        for x, y in batches(self._data, self._batch_size):
            self._check(x, y, first)
            if not self._tried:
                self._objective.check_batch("validation", x, y)
                self._tried = True
            first += batch_length(x)
            yield x, y
