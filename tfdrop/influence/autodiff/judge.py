"""The last judge of a derivative: central differences of what it is the derivative of."""

import itertools
from enum import Enum, auto

import numpy as np
from keras import ops, tree

from tfdrop.influence.autodiff.differences import STEPS_IN_FLOAT32, STEPS_IN_FLOAT64, Differences

TOLERANCE = 0.03  # relative; TF32 and ReLUs that switch on rounding stay below, the faults that are known do not
TOLERANCE_IN_HALF = 0.2
# Two steps' differences that are this near each other, in units of the tolerance, are beyond doubt.
SOUND = 0.2
# What is smaller than this share of the whole vector need not be right.
INSIGNIFICANT = 1e-3
ROUNDING = 1e-5
CANCELLED = 1 / 3  # what terms are taken for at least, of their usual size, though they cancel in a sample or a batch
SEED = 20

CURVATURE_PRODUCTS = ("hessian_product", "gauss_newton_product")


class Verdict(Enum):
    """What a judge found of a derivative."""

    RIGHT = auto()
    WRONG = auto()
    UNDECIDED = auto()


class Judge:
    """Central differences on one batch along one vector, with several steps as far as they are needed.

    Two points near the weights are evaluated in float64 where the model can: a right derivative agrees with the first
    step's difference, and needs no more than that. A difference counts as sound where another step's agrees with it.

    The labels are those of the neighboring samples, so that a model that fits its data still has gradients to compare.

    Args:
        evaluation_in: Function from a type, or `None` for the layers' own, to the model's `Evaluation` in it.
        per_sample_loss: The model's `PerSampleLoss`.
        variables: The Keras variables.
        x: A batch of samples.
        y: Their labels.
        tolerance: Largest relative distance of a right derivative to the differences.

    Attributes:
        x: The samples.
        y: The labels that the judge has the losses for.
        vector: The direction, flat float32: of each variable's own size.
        usable: Whether there are any differences: the losses are finite, and can be had at other weights.
        is_finite: Whether the losses are finite, as far as is known.
        step: The first step.
    """

    def __init__(self, evaluation_in, per_sample_loss, variables, x, y, tolerance=TOLERANCE):
        self.x, self.y = x, y
        self.vector = probe_vector(variables, SEED)
        self._sizes = [int(np.prod(variable.shape)) for variable in variables]
        self._tolerance = tolerance
        self._changes, self._gauss_newton = {}, {}
        self.is_finite = True
        self.usable = self._begin(evaluation_in, per_sample_loss)

    def _begin(self, evaluation_in, per_sample_loss):
        """Finds the type and labels for which the first difference is finite; tells whether there are any."""
        own, rolled = self.y, tree.map_structure(lambda labels: np.roll(np.asarray(labels), 1, axis=0), self.y)
        for dtype, steps in (("float64", STEPS_IN_FLOAT64), (None, STEPS_IN_FLOAT32)):
            evaluation = evaluation_in(dtype)
            self._differences = {step: Differences(evaluation, per_sample_loss, step) for step in steps}
            for self.y in (rolled, own):
                self._changes.clear()
                try:
                    change = self._change(steps[0])
                except Exception as error:  # layers of users' own may fail in any way on float64
                    if is_out_of_memory(error):
                        raise
                    break
                self.step = steps[0]
                self.is_finite = np.isfinite(change.losses).all() and np.isfinite(change.gradient).all()
                if self.is_finite:
                    return True
            if not self.is_finite:
                return False
        return False

    @property
    def losses(self):
        """Every sample's loss with the judge's labels, at the model's weights, where the judge is usable."""
        return self._change(self.step).mean_losses

    def verdict(self, derivative, found):
        """Returns the `Verdict` on what was computed, and its relative distance to the differences."""
        found = np.asarray(found, "float64")
        if not self.usable or not np.isfinite(found).all():
            return (Verdict.WRONG if self.usable else Verdict.UNDECIDED), float("nan")
        previous, best, nearest = None, np.inf, np.inf
        for step in self._differences:
            expected = self.expected(derivative, step)
            distance = self._distance(derivative, found, expected)
            if distance <= 1:
                return Verdict.RIGHT, relative_distance(found, expected)
            nearest = min(nearest, relative_distance(found, expected))
            if previous is not None:
                best = min(best, self._distance(derivative, previous, expected))
                if best <= SOUND:
                    return Verdict.WRONG, nearest
            previous = expected
        return (Verdict.WRONG if distance > 1 + 3 * best else Verdict.UNDECIDED), nearest

    def gradient_is_consistent(self):
        """Tells whether the gradient is that of the losses, up to the tolerance."""
        for step in self._differences:
            change = self._change(step)
            along = change.mean_gradient @ self.vector.astype("float64")
            rounding = ROUNDING * change.loss_level * len(change.losses)
            size = max(abs(change.losses.sum()), CANCELLED * np.linalg.norm(change.losses))
            if abs(along - change.losses.sum()) <= self._tolerance * size + rounding:
                return True
        return False

    def most_accurate(self, derivative):
        """Returns the `Differences` whose step agrees best with the next one's, and how far apart these are."""
        steps = list(self._differences)
        values = [self.expected(derivative, step) for step in steps]
        apart = [relative_distance(a, b) for a, b in itertools.pairwise(values)]
        best = int(np.nanargmin(apart))
        return self._differences[steps[best]], apart[best]

    def expected(self, derivative, step):
        """Returns a derivative by the differences of one step."""
        change = self._change(step)
        if derivative == "gradient":
            return change.mean_gradient
        if derivative == "directional_derivatives":
            return change.losses
        if derivative == "hessian_product":
            return change.gradient
        if step not in self._gauss_newton:
            self._gauss_newton[step] = self._differences[step].gauss_newton(self.x, self.y, change)
        return self._gauss_newton[step]

    def _change(self, step):
        if step not in self._changes:
            self._changes[step] = self._differences[step].change(self.x, self.y, self.vector)
        return self._changes[step]

    def _distance(self, derivative, found, expected):
        """Returns the largest distance in any sample, or in any variable's part, in units of what is allowed there."""
        change = next(iter(self._changes.values()))
        if derivative == "directional_derivatives":
            curvature = abs(self.vector.astype("float64") @ change.gradient)
            rounding = ROUNDING * (change.loss_level + curvature)
            cancelled = CANCELLED * np.sqrt(np.mean(expected**2))
            allowed = self._tolerance * np.maximum(np.abs(expected), cancelled) + rounding
            return float(np.max(np.abs(found - expected) / allowed))
        ends = np.cumsum(self._sizes)[:-1]
        off, parts = (_norms(np.split(vector, ends)) for vector in (found - expected, expected))
        # Rounding moves the weights in effect, and so the gradient by the Hessian times that.
        gradient = np.linalg.norm(change.mean_gradient) + np.linalg.norm(change.gradient)
        rounding = ROUNDING * (gradient + change.loss_level * len(change.losses))
        allowed = self._tolerance * parts + INSIGNIFICANT * np.linalg.norm(expected) + rounding
        return float(np.max(off / allowed))


def probe_vector(variables, seed):
    """Returns a random direction that changes every variable by about its own size, zeros by a tenth of the others'."""
    rng = np.random.default_rng(seed)
    values = [ops.convert_to_numpy(variable).astype("float64").ravel() for variable in variables]
    overall = np.sqrt(np.mean(np.square(np.concatenate(values))))
    sizes = [max(np.sqrt(np.mean(np.square(value))), 0.1 * overall, 1e-2) for value in values]
    parts = [size * rng.standard_normal(len(value)) for size, value in zip(sizes, values, strict=True)]
    return np.concatenate(parts).astype("float32")


def relative_distance(found, expected):
    """Returns `|found - expected| / |expected|`, 0 where both are zero, infinity where the latter alone is."""
    distance, length = np.linalg.norm(np.asarray(found, "float64") - expected), np.linalg.norm(expected)
    if length == 0:
        return 0.0 if distance == 0 else np.inf
    return float(distance / length)


def is_out_of_memory(error):
    """Tells whether an error says that memory ran out, which is no fault of a derivative."""
    return isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__ or "RESOURCE_EXH" in str(error)


def _norms(parts):
    return np.array([np.linalg.norm(part) for part in parts])
