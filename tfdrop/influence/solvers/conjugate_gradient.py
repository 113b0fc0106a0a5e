"""Conjugate gradients over all of the training data, preconditioned by a small part of it."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, check_share, check_whole
from tfdrop.influence.curvature import dot, norm
from tfdrop.influence.solvers.solution import ON_DIVERGENCE, DivergenceError, Solution, numpy_history, restored_history
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.progress import Progress

STEPS_BETWEEN_TRUE_RESIDUALS = 25  # float32 lets the recursion for the residual drift
AUTOMATIC_PART = (256, 512)  # samples, at least and at most
NOTHING_YET = (0.0, 0, 0)  # of a product: its sum, samples and batches


@dataclass(frozen=True)
class ConjugateGradient:
    """Solves `(curvature + damping I) s = v` with exact products over all of the training data: no noise, no scale.

    A network's curvature has a few eigenvalues far above the rest, and a few hundred samples show most of their
    directions. So a Lanczos iteration on part of the data, starting at `v`, first gives a preconditioner (the inverse
    on the Krylov space, a multiple of the identity outside of it). Two to five products with the whole data are then
    enough where plain conjugate gradients needed a dozen, of a small CNN; 8 or 9 where they needed 19, of a ResNet-20
    that fits all its data. There a tenth of the samples makes most of the curvature, so the part has more of those with
    large losses, which a forward pass over all of them tells (results/influence_speed.md).

    The history has each step's relative residual, on all of the data.

    Args:
        depth: Largest number of steps, which are products with the whole data.
        tolerance: Relative residual at which to stop.
        part_samples: Training samples used for the preconditioner; 0 for no preconditioner. `"auto"` takes a sixteenth
            of them, from 256 to 512: more make it better, but cost more than the steps that they save.
        part_steps: Products with that part, and vectors kept in memory.
        on_divergence: `"raise"`, or `"adapt"`: on negative curvature, start again with more damping.
        damping: Overrides the damping that `InfluenceModel` is given, unless `None`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> from tfdrop.influence import ConjugateGradient
    >>> ConjugateGradient(tolerance=1e-4).depth
    200

    Reference:
        - [Frangella et al., 2023](https://arxiv.org/abs/2110.02820), on preconditioners of this form.
    """

    depth: int = 200
    tolerance: float = 0.01
    part_samples: int | str = "auto"
    part_steps: int = 20
    on_divergence: str = "raise"
    damping: float | None = None

    def __post_init__(self):
        check_whole("depth", self.depth)
        check_share("tolerance", self.tolerance, below_one=True, positive=True)
        if self.part_samples != "auto":
            check_whole("part_samples", self.part_samples, lowest=0)
        check_whole("part_steps", self.part_steps)
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
    """One run of preconditioned conjugate gradients (Hestenes and Stiefel 1952), resumable between two batches."""

    def __init__(self, settings, system, verbose, start, after_step):
        self._settings = settings
        self._system = system
        self._verbose = verbose
        self._after_step = after_step
        self._target_norm = norm(system.target)
        self._precondition = _preconditioner(settings, system, verbose)
        self._partial = NOTHING_YET
        self.step, self.history = 0, []
        self.solution, self._residual = ops.zeros_like(system.target), system.target
        self._begin_direction()
        if start:
            self.step, self.history = int(start["step"]), restored_history(start["history"])
            self.solution, self._residual, self._direction = (
                ops.convert_to_tensor(start[name]) for name in ("solution", "residual", "direction")
            )
            self._alignment = float(start["alignment"])
            self._partial = (start["partial_total"], int(start["partial_samples"]), int(start["partial_batches"]))

    def run(self):
        """Iterates to the tolerance or the last step; returns the relative residual, measured on all of the data."""
        settings = self._settings
        with Progress("Solving (conjugate gradients)", settings.depth, self._verbose, unit="steps") as progress:
            progress.resume(self.step)
            while self.step < settings.depth:
                if self._relative() <= settings.tolerance:
                    self._measure_residual()  # does the data confirm what the recursion says?
                    if self._relative() <= settings.tolerance:
                        break
                self._take_step()
                self.history.append((0, self.step, self._relative()))
                progress.advance(1, residual=self.history[-1][2])
            else:
                self._measure_residual()
            progress.advance(0, residual=self._relative())
        return self._relative()

    def _relative(self):
        return norm(self._residual) / self._target_norm

    def _measure_residual(self):
        self._residual = self._system.target - self._system.product(self.solution, self._system.data.batches())

    def _take_step(self):
        product = self._product(self._direction)
        curvature = float(dot(self._direction, product))
        if not curvature > 0:  # also true for NaN
            raise self._not_definite(curvature / float(dot(self._direction, self._direction)))
        length = self._alignment / curvature
        self.solution = self.solution + length * self._direction
        self._residual = self._residual - length * product
        self.step += 1
        if self.step % STEPS_BETWEEN_TRUE_RESIDUALS == 0:
            self._measure_residual()
        preconditioned = self._precondition(self._residual)
        alignment = float(dot(self._residual, preconditioned))
        self._direction = preconditioned + (alignment / self._alignment) * self._direction
        self._alignment = alignment

    def _begin_direction(self):
        self._direction = self._precondition(self._residual)
        self._alignment = float(dot(self._residual, self._direction))

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
            "direction": ops.convert_to_numpy(self._direction),
            "alignment": self._alignment,
            "partial_total": ops.convert_to_numpy(total),
            "partial_samples": samples,
            "partial_batches": batches,
        }

    def _not_definite(self, eigenvalue):
        kind, damping = self._system.curvature.kind, self._system.damping
        return DivergenceError(
            f"The {kind} with a damping of {damping:.4g} is not positive definite: along a direction of step "
            f"{self.step + 1} its curvature is {eigenvalue:.4g}. Try damping well above {damping - eigenvalue:.4g}, "
            "or curvature='gauss_newton', which has no negative eigenvalues",
            damping=2 * (damping - eigenvalue),
        )


def _preconditioner(settings, system, verbose):
    """Returns a function that multiplies by an approximate inverse of the damped curvature."""
    if settings.part_samples == 0:
        return lambda vector: vector
    samples = settings.part_samples
    if samples == "auto":
        samples = int(np.clip(system.data.samples // 16, *AUTOMATIC_PART))
    product = system.rough_product(samples)
    with Progress("Preconditioning (Lanczos)", settings.part_steps, verbose, unit="steps") as progress:
        space = krylov(product, system.target, settings.part_steps, after_step=lambda: progress.advance())
    eigenvalues, eigenvectors = np.linalg.eigh(space.tridiagonal)
    kept = eigenvalues > 0
    if not kept.any():
        return lambda vector: vector
    eigenvalues = eigenvalues[kept] + system.damping
    vectors = ops.matmul(ops.stack(space.basis, axis=1), ops.convert_to_tensor(eigenvectors[:, kept].astype("float32")))
    # Outside of the Krylov space the curvature is taken to be its smallest eigenvalue inside.
    weights = ops.convert_to_tensor((eigenvalues.min() / eigenvalues - 1).astype("float32"))

    def precondition(vector):
        inside = ops.matmul(vector[None], vectors)[0]
        return vector + ops.matmul(vectors, (weights * inside)[:, None])[:, 0]

    return precondition
