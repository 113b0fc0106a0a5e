"""One influence computation: a problem, a solver, a damping and a checkpoint."""

import itertools

import numpy as np
from keras import ops

from tfdrop.arguments import check_flag
from tfdrop.influence.curvature import DampedSystem, norm
from tfdrop.influence.measures import measure_name
from tfdrop.influence.phases import Phases
from tfdrop.influence.solvers.conjugate_gradient import ConjugateGradient
from tfdrop.influence.solvers.driver import get_solver, solve
from tfdrop.influence.solvers.solution import DivergenceError
from tfdrop.influence.solvers.spectrum import Spectrum
from tfdrop.influence.training_data import single_samples
from tfdrop.progress import Progress
from tfdrop.training.replicas import replicas

RESIDUAL_SAMPLES = 8192
# From so many vectors on, gradients of single samples cost less than a forward-mode pass for each. They take 2.2 to 2.8
# passes of convolutional networks (results/influence_speed.md), some forty of a small dense one.
VECTORS_FOR_GRADIENTS = 32
STACKED_GRADIENTS = 16


class Computation:
    """What one call computes with, and the phases that all of them are made of.

    Args:
        problem: The `Problem`, which is not changed.
        solver: A solver or its name.
        checkpoint: A `tfdrop.checkpoint.Checkpoint`, or `None`.
        verbose: Progress of the phases, as in `Progress`.
        regularized_gradients: Whether training samples' gradients include the regularizers'; `None` is as the solver
            has it.
        measure: What is summed over the validation samples.
        **settings: What the result depends on beside the problem's settings and the solver.

    Attributes:
        problem: The problem.
        phases: The `Phases` in the checkpoint.
        spectrum: The curvature's `Spectrum`.
        damping: Number added to the eigenvalues, in plain units; it may be raised.
    """

    def __init__(
        self, problem, solver, checkpoint=None, verbose=0, regularized_gradients=None, measure="loss", **settings
    ):
        problem.check_unchanged()
        self.problem = problem
        self._solver = get_solver(solver)
        self._verbose = verbose
        self._regularized_gradients = _regularized(regularized_gradients, self._solver)
        if self._regularized_gradients:  # checkpoints of earlier releases have no such setting
            settings["regularized_gradients"] = True
        if measure != "loss":
            settings["measure"] = measure_name(measure)
        self._measure = measure
        self.phases = Phases(checkpoint, problem.model, solver=self._solver, **problem.settings, **settings)
        self.spectrum = self._spectrum()
        if not (isinstance(self._solver, ConjugateGradient) and self._solver.part_samples):
            problem.rough.forget()  # no preconditioner takes up the spectrum's vectors
        own = self._solver.damping
        self.damping = problem.damping_from(self.spectrum) if own is None else float(own)

    def _spectrum(self):
        start = self.phases.start("spectrum")
        if start:
            return Spectrum(*start["values"].tolist())
        spectrum = self.problem.spectrum(self._verbose)
        self.phases.after_step("spectrum", lambda: {"values": np.array(spectrum)})
        return spectrum

    def validation_gradient(self, validation):
        """Returns the gradient of the measure, summed over the validation samples.

        Raises:
            ValueError: If there are no samples, or their gradient is zero or not finite.
        """
        start = self.phases.start("target")
        total, done = start.get("total", 0.0), int(start.get("batches", 0))

        def state():
            return {"total": ops.convert_to_numpy(total), "batches": done}

        data, gradient = self.measured(validation)
        with Progress("Validation gradient", data.batch_count, self._verbose, unit="batches") as progress:
            progress.resume(done)
            for x, y in itertools.islice(data.batches(), done, None):
                total = total + gradient(x, y)
                done += 1
                progress.advance()
                self.phases.after_step("target", state)
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

    def measured(self, validation):
        """Returns what `Problem.measured` does, for the computation's measure."""
        return self.problem.measured(validation, self._measure)

    def solve(self, target, phase="solve"):
        """Returns the `Solution` for a right-hand side, and the damping that it took."""
        problem = self.problem
        part = problem.data.part(RESIDUAL_SAMPLES)
        system = DampedSystem(problem.curvature, self.damping, target, problem.data, part, problem.rough)
        return solve(system, self._solver, self.check_definite, self.phases, phase, self._verbose)

    def check_definite(self, damping):
        """Raises a `DivergenceError` if the damped curvature is not positive definite on what was seen of it."""
        spectrum, kind = self.spectrum, self.problem.curvature.kind
        if damping + spectrum.smallest < -1e-6 * spectrum.largest:  # beyond rounding
            raise DivergenceError(
                f"The {kind} has eigenvalues from {spectrum.smallest:.4g} to {spectrum.largest:.4g}, so "
                f"with a damping of {damping:.4g} it is not positive definite and the solve cannot converge. Try "
                f"damping well above {-spectrum.smallest:.4g}, or curvature='gauss_newton', which has no negative "
                "eigenvalues",
                damping=-2.0 * spectrum.smallest,
            )

    def gradients_times(self, vectors):
        """Returns every training sample's loss gradient times some vectors, shape `(n, number of vectors)`.

        One forward-mode pass over the data for each vector; or each sample's gradient, where the vectors are many, but
        for several replicas, which share batches.
        """
        problem = self.problem
        by_gradients = len(vectors) >= VECTORS_FOR_GRADIENTS and replicas(problem.model) == 1
        products = _by_gradients(problem.autodiff, vectors) if by_gradients else _by_passes(problem.autodiff, vectors)
        start = self.phases.start("scores")
        if start and start["values"].shape[1] != len(vectors):  # an earlier start had another number in a pass
            self.phases.forget("scores")
            start = {}
        parts, done = ([start["values"]], int(start["batches"])) if start else ([], 0)

        def state():
            return {"values": np.concatenate(parts), "batches": done}

        with Progress("Scoring samples", problem.data.samples, self._verbose) as progress:
            progress.resume(sum(map(len, parts)))
            for x, y in itertools.islice(problem.data.batches(), done, None):
                parts.append(products(x, y))
                done += 1
                progress.advance(len(parts[-1]))
                self.phases.after_step("scores", state)
        return _finite(np.concatenate(parts))

    def train_gradients_times(self, vectors):
        """Returns `gradients_times`, with the regularizers' gradient beside each sample's where that is asked for."""
        products = self.gradients_times(vectors)
        if not self._regularized_gradients:
            return products
        return products + np.array([self.problem.penalty_derivative(vector) for vector in vectors], products.dtype)


def _by_passes(autodiff, vectors):
    """Returns a function that gives a batch's gradients times the vectors, by one pass for each."""

    def products(x, y):
        columns = [autodiff.directional_derivatives(x, y, vector) for vector in vectors]
        return np.stack([ops.convert_to_numpy(column) for column in columns], axis=1)

    return products


def _by_gradients(autodiff, vectors):
    """Returns a function that gives a batch's gradients times the vectors, by the gradient of each sample."""
    columns = ops.stack(vectors, axis=1)

    def products(x, y):
        gradients = (ops.convert_to_tensor(autodiff.gradient(*sample)) for sample in single_samples([(x, y)]))
        stacks = iter(lambda: list(itertools.islice(gradients, STACKED_GRADIENTS)), [])
        return np.concatenate([ops.convert_to_numpy(ops.matmul(ops.stack(stack), columns)) for stack in stacks])

    return products


def _regularized(regularized_gradients, solver):
    if regularized_gradients is None:
        return getattr(solver, "regularized_gradients", False)
    return check_flag("regularized_gradients", regularized_gradients)


def _finite(products):
    """Returns the products, or names the first sample whose gradient is not finite."""
    wrong = np.flatnonzero(~np.isfinite(products).all(axis=1))
    if len(wrong):
        raise ValueError(
            "Invalid value received for argument `train`. Expected samples with finite loss gradients. "
            f"Received: sample {wrong[0]} with a gradient that is not finite"
        )
    return products
