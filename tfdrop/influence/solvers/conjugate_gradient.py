"""Conjugate gradients over all of the training data, preconditioned by LiSSA on few of its samples."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, check_share, check_whole
from tfdrop.influence.curvature import dot, norm
from tfdrop.influence.solvers.preconditioner import KrylovInverse, RoughLiSSA
from tfdrop.influence.solvers.solution import ON_DIVERGENCE, DivergenceError, Solution, numpy_history, restored_history
from tfdrop.influence.solvers.spectrum import SPECTRUM_STEPS, krylov
from tfdrop.progress import Progress

STEPS_BETWEEN_TRUE_RESIDUALS = 25  # float32 lets the recursion for the residual drift
AUTOMATIC_STEPS = 24  # of LiSSA, with so many samples that these steps read not much more than all of them
SAMPLES_FOR_STEPS = 1536
# With LiSSA the spectrum's Krylov space is enough, if what is left over is no more than this many times the damping.
LEFT_OVER = 4
TRUSTED = 0.05  # the share of a residual that rounding may have in it without its being measured
OF_SOLUTION = 0.01  # how far rounding may move a solution, relative to how far it may move a product
NOTHING_YET = (0.0, 0, 0)  # of a product: its sum, samples and batches


@dataclass(frozen=True)
class ConjugateGradient:
    """Solves `(curvature + damping I) s = v` with exact products over all of the training data: no noise, no scale.

    A network's curvature has a few eigenvalues far above the rest, and a few hundred samples show most of their
    directions: the Krylov space of their curvature, in which the spectrum was read, gives a first approximate inverse.
    With it a few steps of LiSSA, on small batches, solve roughly for each residual, and one product with all of the
    data makes an exact step of that (results/influence_speed.md). Part and batches have more of the samples with large
    losses, which a forward pass over all of them tells: in a network that fits its data, most of the curvature is
    there.

    The history has each step's relative residual, on all of the data.

    Args:
        depth: Largest number of steps, which are products with the whole data.
        tolerance: Relative residual at which to stop.
        part_samples: Training samples used for the Krylov space; 0 for no preconditioner. `"auto"` takes a sixteenth
            of them, from 256 to 512: more make it better, but cost more than the steps that they save.
        part_steps: Most products with that part; memory holds twice as many vectors.
        on_divergence: `"raise"`, or `"adapt"`: on negative curvature, start again with more damping.
        damping: Overrides the damping that `InfluenceModel` is given, unless `None`.
        lissa_steps: Steps of LiSSA for each direction, which read 128 samples; 0 for none. `"auto"` takes 24, but none
            with fewer than 1,536 training samples or without a Krylov space.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> from tfdrop.influence import ConjugateGradient
    >>> ConjugateGradient(tolerance=1e-4).depth
    200

    Reference:
        - [Frangella et al., 2023](https://arxiv.org/abs/2110.02820), on preconditioners of the first form.
        - [Notay, 2000](https://doi.org/10.1137/S1064827599362314), on those that differ from step to step.
    """

    depth: int = 200
    tolerance: float = 0.01
    part_samples: int | str = "auto"
    part_steps: int = 20
    on_divergence: str = "raise"
    damping: float | None = None
    lissa_steps: int | str = "auto"

    def __post_init__(self):
        check_whole("depth", self.depth)
        check_share("tolerance", self.tolerance, below_one=True, positive=True)
        if self.part_samples != "auto":
            check_whole("part_samples", self.part_samples, lowest=0)
        check_whole("part_steps", self.part_steps)
        if self.lissa_steps != "auto":
            check_whole("lissa_steps", self.lissa_steps, lowest=0)
        check_choice("on_divergence", self.on_divergence, ON_DIVERGENCE)

    def solve(self, system, verbose="auto", start=None, after_step=None):
        """Returns the `Solution` of a `DampedSystem`; see `LiSSA.solve`. It can continue within a product.

        Raises:
            DivergenceError: If the damped curvature is not positive definite.
        """
        iteration = _Iteration(self, system, verbose, start or {}, after_step)
        residual = iteration.run()
        if not residual < 1:
            raise DivergenceError(
                f"Conjugate gradients ended with a relative residual of {residual:.3g}, no better than zero (1), with "
                f"{system.curvature.kind} + {system.damping:.4g} I, after {iteration.step} of {self.depth} steps. "
                "Try more damping or a larger depth",
                damping=4 * system.damping or None,
            )
        return Solution(iteration.solution, residual, residual <= self.tolerance, iteration.history)


class _Iteration:
    """One run of flexible conjugate gradients (Notay 2000), resumable between two batches."""

    def __init__(self, settings, system, verbose, start, after_step):
        self._settings = settings
        self._system = system
        self._verbose = verbose
        self._after_step = after_step
        self._target_norm = norm(system.target)
        self._precondition, self._lissa = _preconditioner(settings, system, verbose)
        self._partial = NOTHING_YET
        self._direction = self._last = None  # the next one, if it is known; the last, with its share of a product
        self.step, self.history = 0, []
        self.solution, self._residual = ops.zeros_like(system.target), system.target
        self._moved = 0.0  # how far steps have moved the residual since it was measured
        self._steepest = 0.0  # the largest length of a product with a direction of length 1
        if start:
            self._restore(start)

    def run(self):
        """Iterates to the tolerance or the last step; returns the relative residual on all of the data."""
        settings = self._settings
        with Progress("Solving (conjugate gradients)", settings.depth, self._verbose, unit="steps") as progress:
            progress.resume(self.step)
            while self.step < settings.depth:
                if self._relative() <= settings.tolerance:
                    self._confirm_residual()
                    if self._relative() <= settings.tolerance:
                        break
                self._take_step()
                self.history.append((0, self.step, self._relative()))
                progress.advance(1, residual=self.history[-1][2])
            else:
                self._confirm_residual()
            progress.advance(0, residual=self._relative())
        return self._relative()

    def _relative(self):
        return norm(self._residual) / self._target_norm

    def _confirm_residual(self):
        """Measures the residual, which takes a product, where it may be what rounding has left.

        What the steps have moved it by are products with all of the data too, so that it is exact but for rounding: of
        the products, and of the solution, where the curvature is large.
        """
        moved = self._moved + OF_SOLUTION * self._steepest * norm(self.solution)
        if self._system.curvature.rounding * moved > TRUSTED * norm(self._residual):
            self._measure_residual()

    def _measure_residual(self):
        self._moved = 0.0
        self._residual = self._system.target - self._system.product(self.solution, self._system.data.batches())

    def _take_step(self):
        if self._direction is None:
            self._direction = self._next_direction()
        direction, product = self._direction, self._product(self._direction)
        curvature = float(dot(direction, product))
        if not curvature > 0:  # also true for NaN
            raise self._not_definite(curvature / float(dot(direction, direction)))
        length = float(dot(direction, self._residual)) / curvature
        self.solution = self.solution + length * direction
        self._residual = self._residual - length * product
        steepness = norm(product)
        self._moved += abs(length) * steepness
        self._steepest = max(self._steepest, steepness / norm(direction))
        self._direction, self._last = None, (direction, product / curvature)
        self.step += 1
        if self.step % STEPS_BETWEEN_TRUE_RESIDUALS == 0:
            self._measure_residual()

    def _next_direction(self):
        """Returns the preconditioned residual, made conjugate to the last direction, as no fixed matrix does."""
        preconditioned = self._precondition(self._residual, self.step)
        if self._last is None:
            return preconditioned
        last, product = self._last
        direction = preconditioned - dot(preconditioned, product) * last
        return direction if norm(direction) > 0 else preconditioned  # nothing is left where there is one variable

    def _product(self, vector):
        """Returns the damped curvature times the direction, starting at the batch where an earlier run stopped."""

        def after_batch(*partial):
            self._partial = partial
            if self._after_step is not None:
                self._after_step(self._state)

        product = self._system.curvature.product(vector, self._system.data.batches(), after_batch, self._partial)
        self._partial = NOTHING_YET
        return product + self._system.damping * vector

    def _state(self):
        total, samples, batches = self._partial
        return {
            "step": self.step,
            "history": numpy_history(self.history),
            "solution": ops.convert_to_numpy(self.solution),
            "residual": ops.convert_to_numpy(self._residual),
            "moved": self._moved,
            "steepest": self._steepest,
            "direction": np.zeros(0) if self._direction is None else ops.convert_to_numpy(self._direction),
            "scale": self._lissa.scale if self._lissa else 0.0,
            "partial_total": ops.convert_to_numpy(total),
            "partial_samples": samples,
            "partial_batches": batches,
        }

    def _restore(self, start):
        self.step, self.history = int(start["step"]), restored_history(start["history"])
        self.solution, self._residual = (ops.convert_to_tensor(start[name]) for name in ("solution", "residual"))
        self._moved, self._steepest = float(start["moved"]), float(start["steepest"])
        if start["direction"].size:
            self._direction = ops.convert_to_tensor(start["direction"])
        if self._lissa:
            self._lissa.scale = float(start["scale"])
        self._partial = (start["partial_total"], int(start["partial_samples"]), int(start["partial_batches"]))

    def _not_definite(self, eigenvalue):
        kind, damping = self._system.curvature.kind, self._system.damping
        return DivergenceError(
            f"The {kind} with a damping of {damping:.4g} is not positive definite: along a direction of step "
            f"{self.step + 1} its curvature is {eigenvalue:.4g}. Try damping well above {damping - eigenvalue:.4g}, "
            "or curvature='gauss_newton', which has no negative eigenvalues",
            damping=2 * (damping - eigenvalue),
        )


def _preconditioner(settings, system, verbose):
    """Returns a function of a residual and the number of the step, and the `RoughLiSSA` in it, or `None`."""
    if settings.part_samples == 0:
        return lambda residual, step: residual, None
    steps = settings.lissa_steps
    if steps == "auto":
        steps = AUTOMATIC_STEPS if system.data.samples >= SAMPLES_FOR_STEPS else 0
    if steps == 0:
        inverse = KrylovInverse(_space_of_target(settings, system, verbose), system.damping)
        return lambda residual, step: inverse(residual), None
    space = _shared_space(settings, system, verbose)
    lissa = RoughLiSSA(system, KrylovInverse(space, system.damping, system.damping + space.left_over), steps)
    return lissa, lissa


def _space_of_target(settings, system, verbose):
    """Returns the Krylov space from the right-hand side: alone it saves more steps than that from a random vector."""

    def product(vector):
        return system.rough.product(vector, settings.part_samples)

    with Progress("Preconditioning (Lanczos)", settings.part_steps, verbose, unit="steps") as progress:
        return krylov(product, system.target, settings.part_steps, after_step=lambda: progress.advance())


def _shared_space(settings, system, verbose):
    """Returns the Krylov space that the spectrum has begun: not all of it, if little enough is left over."""
    most = min(settings.part_steps, system.curvature.size)
    with Progress("Preconditioning (Lanczos)", most, verbose, unit="steps") as progress:
        for steps in range(1, most + 1):
            space = system.rough.krylov(steps, settings.part_samples)
            progress.advance()
            if steps >= SPECTRUM_STEPS and space.left_over <= LEFT_OVER * system.damping:
                break
    return space
