"""What every influence computation starts from: model, loss and training data, checked, with spectrum and damping."""

import itertools

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, invalid, is_number
from tfdrop.data.samples import batch_count, batches, is_arrays
from tfdrop.influence.autodiff import verified_autodiff
from tfdrop.influence.checks import SampleCheck, check_weights, chosen_variables
from tfdrop.influence.curvature import CURVATURES, Curvature, DampedSystem, norm
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.influence.solvers.solution import DivergenceError
from tfdrop.influence.solvers.spectrum import Spectrum, lanczos
from tfdrop.influence.training_data import PairsOfArrays, TrainingData, batch_length
from tfdrop.layers.participation import Participation
from tfdrop.progress import Progress

SPECTRUM_SAMPLES = 256
SPECTRUM_STEPS = 12
RESIDUAL_SAMPLES = 8192


class Problem:
    """A model at its weights, its training loss and training data, and the curvature that belongs to them.

    Args: as for `tfdrop.influence.total_influence`.

    Attributes:
        autodiff: The `VerifiedAutodiff` of the model; its `checks` tell how each derivative is computed.
        curvature: The `Curvature`.
        data: The `TrainingData`.
        spectrum: Extremal eigenvalues of the curvature on up to 256 training samples, undamped.
        damping: Number that is added to the eigenvalues, in plain units.
    """

    def __init__(self, model, train, loss, curvature, damping, variables, batch_size, seed, verbose, phases, solver):
        check_weights(model)
        _rest(model)
        self._loss = PerSampleLoss(loss if loss is not None else getattr(model, "loss", None))
        self._batch_size = batch_size
        self._verbose = verbose
        self._phases = phases
        self._classes = _output_size(model, train)
        self.autodiff = verified_autodiff(model, self._loss, chosen_variables(model, variables))
        self.data = TrainingData(train, batch_size, seed, SampleCheck("train", self._loss, self._classes), verbose)
        check_choice("curvature", curvature, CURVATURES)
        curvature = self.autodiff.verify(*next(iter(self.data.batches())), curvature)
        self.curvature = Curvature(self.autodiff, curvature)
        self.spectrum = self._spectrum()
        if solver.damping is not None:
            damping = solver.damping
        self.damping = _damping(damping, self.spectrum)

    def _spectrum(self):
        """Returns the curvature's `Spectrum` on a random part of the training data."""
        start = self._phases.start("spectrum")
        if start:
            return Spectrum(*start["values"].tolist())
        part = self.data.part(SPECTRUM_SAMPLES)
        steps = min(SPECTRUM_STEPS, self.curvature.size)
        with Progress("Spectrum (Lanczos)", steps, self._verbose) as progress:
            product = self.curvature.product
            spectrum = lanczos(
                lambda v: product(v, part), self.curvature.size, steps, after_step=lambda: progress.advance()
            )
        self._phases.after_step("spectrum", lambda: {"values": np.array(spectrum)})
        return spectrum

    def validation_batches(self, validation):
        """Yields the validation data's `(x, y)` batches, checked."""
        check = SampleCheck("validation", self._loss, self._classes)
        first = 0
        pairs = validation if is_arrays(validation) else PairsOfArrays(validation)
        for x, y in batches(pairs, self._batch_size):
            x, y = keras.tree.map_structure(np.asarray, (x, y))
            check(x, y, first)
            first += batch_length(x)
            yield x, y

    def validation_gradient(self, validation):
        """Returns the gradient of the validation loss, summed over the validation samples.

        Raises:
            ValueError: If there are no samples, or their gradient is zero or not finite.
        """
        start = self._phases.start("target")
        total, done = start.get("total", 0.0), int(start.get("batches", 0))

        def state():
            return {"total": ops.convert_to_numpy(total), "batches": done}

        with Progress("Validation gradient", batch_count(validation, self._batch_size), self._verbose) as progress:
            progress.resume(done)
            for x, y in itertools.islice(self.validation_batches(validation), done, None):
                total = total + self.autodiff.gradient(x, y)
                done += 1
                progress.advance()
                self._phases.after_step("target", state)
        if done == 0:
            raise ValueError(
                "Invalid value received for argument `validation`. Expected at least one batch. Received: none"
            )
        total = ops.convert_to_tensor(total)
        if not 0 < norm(total) < float("inf"):
            raise ValueError(
                "Invalid value received for argument `validation`. "
                f"Expected data with a finite, nonzero loss gradient. Received: gradient norm {norm(total)}"
            )
        return total

    def system(self, target):
        """Returns the `DampedSystem` for a right-hand side."""
        part = self.data.part(RESIDUAL_SAMPLES)
        return DampedSystem(self.curvature, self.damping, target, self.data, part)

    def check_definite(self, damping):
        """Raises a `DivergenceError` if the damped curvature is not positive definite on what was seen of it."""
        spectrum = self.spectrum
        if damping + spectrum.smallest < -1e-6 * spectrum.largest:  # beyond rounding
            raise DivergenceError(
                f"The {self.curvature.kind} has eigenvalues from {spectrum.smallest:.4g} to {spectrum.largest:.4g}, so "
                f"with a damping of {damping:.4g} it is not positive definite and the solve cannot converge. Try "
                f"damping well above {-spectrum.smallest:.4g}, or curvature='gauss_newton', which has no negative "
                "eigenvalues",
                damping=-2.0 * spectrum.smallest,
            )

    def gradients_times(self, vectors):
        """Returns every training sample's loss gradient times some vectors, shape `(n, number of vectors)`.

        One forward-mode pass over the data for each vector; the data itself is read once.
        """
        start = self._phases.start("scores")
        parts, done = ([start["values"]], int(start["batches"])) if start else ([], 0)

        def state():
            return {"values": np.concatenate(parts), "batches": done}

        with Progress("Scoring samples", self.data.samples, self._verbose) as progress:
            progress.resume(sum(map(len, parts)))
            for x, y in itertools.islice(self.data.batches(), done, None):
                columns = [self.autodiff.directional_derivatives(x, y, vector) for vector in vectors]
                parts.append(np.stack([ops.convert_to_numpy(column) for column in columns], axis=1))
                done += 1
                progress.advance(len(parts[-1]))
                self._phases.after_step("scores", state)
        return _finite(np.concatenate(parts))


def _finite(products):
    """Hands back the scores, or names the first sample whose gradient is not finite."""
    wrong = np.flatnonzero(~np.isfinite(products).all(axis=1))
    if len(wrong):
        raise ValueError(
            "Invalid value received for argument `train`. Expected samples with finite loss gradients. "
            f"Received: sample {wrong[0]} with a gradient that is not finite"
        )
    return products


def _rest(model):
    """Has the coins of `Participation` layers, which scale weight penalties, lie as in a batch that takes no part."""
    for layer in model._flatten_layers():
        if isinstance(layer, Participation):
            layer.coin.assign(False)


def _output_size(model, train):
    """Returns the last axis of the model's output for the first training sample.

    Raises:
        ValueError: If there are several outputs, or no samples.
    """
    pairs = train if is_arrays(train) else PairsOfArrays(train)
    for x, _ in batches(pairs, 1):
        outputs = model(keras.tree.map_structure(lambda array: np.asarray(array)[:1], x), training=False)
        if not hasattr(outputs, "shape"):
            raise invalid("model", "a model with one output", f"{len(keras.tree.flatten(outputs))} outputs")
        return outputs.shape[-1]
    raise invalid("train", "at least one sample", train)


def _damping(damping, spectrum):
    if damping == "auto":
        return max(0.01 * spectrum.largest, -2.0 * spectrum.smallest)
    if not (is_number(damping) and damping >= 0):
        raise invalid("damping", 'a number of at least 0 or "auto"', damping)
    return float(damping)
