"""The curvature as a few samples show it, drawn by their losses: for its spectrum, and to precondition a solve."""

import functools

import numpy as np
from keras import ops

from tfdrop.influence.curvature import norm
from tfdrop.influence.solvers.spectrum import krylov

AUTOMATIC_PART = (256, 512)  # samples, at least and at most
SEED_OF_THE_FIRST_VECTOR = 0


class RoughCurvature:
    """Estimates of a curvature from few samples.

    The Krylov space of the part, from a random vector, is kept and grows, so that the spectrum and the preconditioners
    of all right-hand sides share its products.

    Args:
        curvature: A `Curvature`.
        data: The `TrainingData` whose mean it is.
        losses: Function that returns every training sample's loss, called at most once; `None` for samples that are all
            alike.
    """

    def __init__(self, curvature, data, losses=None):
        self._curvature = curvature
        self._data = data
        self._losses = functools.cache(losses or (lambda: np.ones(data.samples)))
        self._begun = {}

    def product(self, vector, samples="auto"):
        """Returns an estimate of the undamped curvature, from about this many samples, times a vector.

        Args:
            vector: Tensor of shape `(size,)`.
            samples: Their number; `"auto"` is a sixteenth of all, from 256 to 512.
        """
        batches, stands_for = self._data.strata(self._losses, self._number(samples))
        return self._curvature.product_of_strata(vector, batches, stands_for)

    def krylov(self, steps, samples="auto", after_step=None):
        """Returns the `Krylov` space of that estimate, of this many vectors at most, from a random first vector."""
        number = self._number(samples)
        if number not in self._begun:
            first = np.random.default_rng(SEED_OF_THE_FIRST_VECTOR).standard_normal(self._curvature.size)
            first = ops.convert_to_tensor(first.astype("float32"))
            self._begun = {number: ([first / norm(first)], [], [])}  # no other is kept
        begun = self._begun[number]
        return krylov(functools.partial(self.product, samples=number), begun[0][0], steps, after_step, begun)

    def forget(self):
        """Lets go of the Krylov space, which is many vectors."""
        self._begun = {}

    def _number(self, samples):
        return int(np.clip(self._data.samples // 16, *AUTOMATIC_PART)) if samples == "auto" else samples

    def products_of_steps(self, steps, key):
        """Yields, for each of some steps, a function that multiplies by an estimate from a batch of each stratum.

        Args:
            steps: Number of steps.
            key: Integer; each has its own batches.
        """
        for batches, stands_for in self._data.steps_by_strata(self._losses, steps, key):
            yield functools.partial(self._curvature.product_of_strata, batches=batches, stands_for=stands_for)
