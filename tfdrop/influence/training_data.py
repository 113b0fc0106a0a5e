"""The training data as the solvers read it: in order, in shuffled batches, or a random part of it."""

import itertools

import keras
import numpy as np

from tfdrop.arguments import invalid
from tfdrop.data.samples import batch_count, batches, is_arrays, select, stream, take
from tfdrop.influence.prepared_data import PreparedData
from tfdrop.influence.strata import draw_steps, draw_strata
from tfdrop.progress import Progress

LARGEST_BATCH_OF_A_PART = 128  # the spread between a part's batches gives the error of what is measured on it
FEWEST_STRATA = 4
STRATA_KEY, STEPS_KEY = 5, 6  # of the random order of their samples


class TrainingData:
    """Training samples in arrays, or in a data set that gives the same batches in the same order on every pass.

    Arrays are indexed. Of a data set, memory holds only one batch at a time, the parts asked for, and the samples of
    the latest steps by strata, for which it is read once more.

    Args:
        data: A `PreparedData`; or arrays `(x, y)`, or a data set of such batches.
        batch_size: Samples per batch in passes over arrays; a data set has its own batches.
        seed: Integer seed of the order of shuffled batches and of the random part.
        check: Function `(x, y, first)` called with every batch of one pass, where `first` is the index of its first
            sample; it raises an error if something is wrong.
        verbose: As in `Progress`.
        shared: Whether batches have `StreamedImages` unread, for several processes that read a share each.

    Attributes:
        samples: Number of samples.

    Raises:
        TypeError: If a data set's elements are not batches.
        ValueError: If there are no samples, or a data set's second pass does not start like its first.
    """

    def __init__(self, data, batch_size, seed, check=None, verbose=0, shared=False):
        if not isinstance(data, PreparedData):
            data = PreparedData("train", data, None, batch_size)
        self._data = data if data.arrays is None else data.arrays
        self._batch_size = batch_size
        self._seed = seed
        self._parts, self._strata, self._steps = {}, {}, None
        self.samples = self._read_once(check, verbose)
        self._take = select if shared else take
        if self.passes_in_order:
            check_repeatable(self._data for _ in range(2))

    @property
    def passes_in_order(self):
        """Whether the data is a data set, so that shuffled batches are its own, in its order."""
        return not is_arrays(self._data)

    def batches(self):
        """Yields all samples in order."""
        return batches(self._data, self._batch_size, self._take)

    def select(self, indices):
        """Returns the samples with these numbers, of arrays only."""
        return self._take(self._data, indices)

    def part(self, samples, key=3):
        """Returns about this many random samples of the data, or all of them, in many small batches.

        Where they are not all, they are whole batches, since JAX would compile each other shape of batch.
        """
        if (samples, key) not in self._parts:
            self._parts[samples, key] = self._drawn_part(samples, key)
        return self._parts[samples, key]

    def _drawn_part(self, samples, key):
        batch_size = min(self._batch_size, LARGEST_BATCH_OF_A_PART)
        if batch_size < samples < self.samples:
            samples -= samples % batch_size
        if self.passes_in_order:
            first = np.argsort(stream(self._seed, key).random(self.samples))[:samples]
            return self._picked(_cut(np.sort(first), batch_size))
        order = stream(self._seed, key).permutation(self.samples)[:samples]
        return self._picked(_cut(order, batch_size))

    def strata(self, losses, samples):
        """Returns a few batches that stand for all samples, and for how many each of a batch's samples stands.

        They are drawn once, as a random part is. Of arrays no copy is kept: samples are selected again on every pass.

        Args:
            losses: Function that returns every sample's loss; it is called where there are more samples than that.
            samples: How many to choose; `draw_strata` says which.
        """
        if samples not in self._strata:
            self._strata[samples] = self._drawn_strata(losses, samples)
        return self._strata[samples]

    def _drawn_strata(self, losses, samples):
        batch_size = max(min(self._batch_size, LARGEST_BATCH_OF_A_PART, samples // FEWEST_STRATA), 1)
        if self.samples <= samples:
            part = self.part(samples)
            return part, [1.0] * len(part)
        drawn = draw_strata(losses(), samples, batch_size, stream(self._seed, STRATA_KEY))
        indices, weights = zip(*drawn, strict=True)
        return self._picked(indices), weights

    def steps_by_strata(self, losses, steps, key):
        """Yields what `strata` returns for each of some steps, a small batch of each of eight strata, drawn anew.

        Args:
            losses: Function that returns every sample's loss.
            steps: Number of steps.
            key: Integer; each has its own samples.
        """
        if self._steps is None or self._steps[0] != (steps, key):
            self._steps = (steps, key), *self._drawn_steps(losses, steps, key)
        _, picked, stands_for = self._steps
        batches = iter(picked)
        for each in stands_for:
            yield list(itertools.islice(batches, len(each))), each

    def _drawn_steps(self, losses, steps, key):
        """Returns all batches of all steps, no larger than those of passes over the data; for each step what they
        stand for."""
        drawn, stands_for = draw_steps(losses(), steps, stream(self._seed, STEPS_KEY, key))
        pieces = [[_cut(batch, self._batch_size) for batch in step] for step in drawn]
        picked = self._picked([piece for step in pieces for batch in step for piece in batch])
        return picked, [[each for batch, each in zip(step, stands_for, strict=True) for _ in batch] for step in pieces]

    def shuffled(self, batch_size, *key):
        """Yields batches endlessly: the whole data in a new order, again and again.

        With arrays every batch has `batch_size` samples, or all there are; a data set gives its own batches in order,
        starting at a random one.

        Args:
            batch_size: Samples per batch.
            *key: Integers that name the purpose; each purpose has its own order.
        """
        rng = stream(self._seed, *key)
        if self.passes_in_order:
            first = int(rng.integers(self._batches))
            while True:
                yield from itertools.islice(self._data, first, None)
                first = 0
        batch_size = min(batch_size, self.samples)
        while True:
            order = rng.permutation(self.samples)
            for start in range(0, self.samples - batch_size + 1, batch_size):
                yield self.select(order[start : start + batch_size])

    def _picked(self, parts):
        """Returns the samples with these numbers, a batch for each array of numbers."""
        if not self.passes_in_order:
            return _Selected(self.select, parts)
        wanted, kept, first = np.unique(np.concatenate(parts)), [], 0
        for batch in self._data:
            here = wanted[(wanted >= first) & (wanted < first + batch_length(batch[0]))]
            kept += [select(batch, here - first)] if len(here) else []
            first += batch_length(batch[0])
        joined = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *kept)
        return [select(joined, np.searchsorted(wanted, part)) for part in parts]

    def _read_once(self, check, verbose):
        """Counts the samples and checks each batch."""
        samples = self._batches = 0
        total = batch_count(self._data, self._batch_size)
        with Progress("Checking samples", total, verbose, unit="batches") as progress:
            for x, y in batches(self._data, self._batch_size):
                if check is not None:
                    check(x, y, samples)
                samples += batch_length(x)
                self._batches += 1
                progress.advance()
        if samples == 0:
            raise invalid("train", "at least one sample", self._data)
        return samples


class _Selected:
    """Batches of samples of arrays, selected again on every pass so that no copy is kept."""

    def __init__(self, select, indices):
        self._select = select
        self._indices = indices

    def __iter__(self):
        return (self._select(indices) for indices in self._indices)

    def __len__(self):
        return len(self._indices)


def _cut(indices, batch_size):
    return [indices[first : first + batch_size] for first in range(0, len(indices), batch_size)]


def batch_length(x):
    """Returns the number of samples in a batch's `x`, an array or a structure of arrays."""
    return len(keras.tree.flatten(x)[0])


def single_samples(batches):
    """Yields the samples of batches `(x, y)` one by one, each as a batch of its own."""
    for x, y in batches:
        for sample in range(batch_length(x)):
            yield select((x, y), slice(sample, sample + 1))


def check_repeatable(passes):
    """Raises a `ValueError` if two passes over the training data do not start with the same batch, or with none."""
    first, second = (keras.tree.flatten(next(iter(data), ())) for data in passes)
    if len(first) != len(second) or not all(map(np.array_equal, first, second)) or not first:
        raise ValueError(
            "Invalid value received for argument `train`. Expected a data set that gives the same batches on every "
            "pass, so that each score can be attributed to its sample. Received: one that shuffles, "
            "augments, or can be read only once"
        )
