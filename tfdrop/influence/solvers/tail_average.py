"""The mean of the later part of a sequence of vectors whose length is not known in advance."""

from keras import ops

FIRST_WINDOW = 16


class TailAverage:
    """The mean of the last half of a sequence, kept in two sums.

    Windows begin at steps 16, 32, 64, ..., the last one at half of the maximum length. At that length the mean is over
    the last window, the second half. Before that, it is over everything since the start of the window before the
    latest: the last half to three quarters.

    Args:
        longest: The maximum number of vectors.
        start: State to continue from, as `state` returns it.
    """

    def __init__(self, longest, start=None):
        start = start or {}
        self._longest = longest
        self._step = int(start.get("average_step", 0))
        self._sums = [start.get("older_sum", 0.0), start.get("newer_sum", 0.0)]
        self._counts = [int(start.get("older_count", 0)), int(start.get("newer_count", 0))]

    def add(self, vector):
        """Adds the next vector to the sums."""
        if self._begins_window():
            self._sums, self._counts = [self._sums[1], 0.0], [self._counts[1], 0]
        self._sums = [self._sums[0] + vector, self._sums[1] + vector]
        self._counts = [count + 1 for count in self._counts]
        self._step += 1

    def mean(self):
        """Returns the mean."""
        window = 1 if self._step == self._longest else 0
        return ops.convert_to_tensor(self._sums[window]) / float(self._counts[window])

    def state(self):
        """Returns the arrays to continue from."""
        return {
            "average_step": self._step,
            "older_sum": ops.convert_to_numpy(self._sums[0]),
            "newer_sum": ops.convert_to_numpy(self._sums[1]),
            "older_count": self._counts[0],
            "newer_count": self._counts[1],
        }

    def _begins_window(self):
        power_of_two = (self._step & (self._step - 1)) == 0
        last = self._longest // 2
        return self._step == last or (FIRST_WINDOW <= self._step < last and power_of_two)
