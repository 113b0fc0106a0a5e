"""LiSSA: the stochastic iteration that multiplies by an inverse curvature."""

import itertools
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, check_flag, check_share, check_whole, invalid, is_number
from tfdrop.influence.curvature import norm
from tfdrop.influence.solvers.solution import ON_DIVERGENCE, DivergenceError, measured, numpy_history, restored_history
from tfdrop.influence.solvers.spectrum import lanczos
from tfdrop.influence.solvers.tail_average import TailAverage
from tfdrop.influence.training_data import batch_length
from tfdrop.progress import Progress

TOLERANCE = 0.05
STEPS_BETWEEN_CHECKS = 10
# A converging run's step residual stays within a few times the target, batch noise included.
DIVERGED = 100.0
# The residual is first measured for an early stop after this many steps, if they have read this many times what a
# measurement reads, and then each time their number has grown by this factor, so that all measurements together cost a
# fraction of the steps.
FIRST_MEASUREMENT = 100
STEPS_TO_A_MEASUREMENT = 2
GROWTH_TO_NEXT_MEASUREMENT = 2
SAMPLES_OF_A_ROUGH_RESIDUAL = 2048
ON_A_BATCH = "residual on one batch"


@dataclass(frozen=True)
class LiSSA:
    """Solves `(curvature + damping I) s = v` with one batch of training samples per step.

    From `h = v`, every step does `h <- v + h - (C_batch h + damping h) / scale`, whose fixed point is `scale`
    times the solution (Koh and Liang 2017, section 3). The damping is in plain units: it is added to the
    curvature as it is, not multiplied by the scale.

    A step's batch is only a sample of the training data, so `h` keeps fluctuating; the mean over the later steps is far
    more accurate, and is what is returned.

    The history has the residual of every tenth step, measured on that step's batch alone.

    Args:
        depth: Largest number of steps in one run, at least 1.
        repeats: Independent runs; the solutions are averaged.
        batch_size: Training samples per step. A data set's own batches are used as they are.
        scale: Divisor that makes the iteration contract: above the largest eigenvalue of the batches'
            curvatures. `"auto"` takes 1.5 times the largest of four batches, found by Lanczos iteration,
            plus the damping.
        tolerance: Relative residual at which a run stops early and counts as converged; it is measured now and then. 0
            never stops early, and counts 0.05 as converged.
        averaging: Whether to return the mean over the second half of the steps (half to three quarters of them if a run
            stops early), or the last iterate as the original does.
        on_divergence: `"raise"`, or `"adapt"`: start again with more damping, or with a larger scale if that is
            what helps.
        damping: Overrides the damping that `InfluenceModel` is given, unless `None`.
        regularized_gradients: Whether the gradients of training samples include the gradient of the weights'
            regularizers (the L2 term), as in the original; see `InfluenceModel.total`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> from tfdrop.influence import LiSSA
    >>> LiSSA(depth=500, on_divergence="adapt").batch_size
    16
    >>> LiSSA.original(scale=10, damping=0.01).damping
    0.1
    """

    depth: int = 2000
    repeats: int = 1
    batch_size: int = 16
    scale: float | str = "auto"
    tolerance: float = TOLERANCE
    averaging: bool = True
    on_divergence: str = "raise"
    damping: float | None = None
    regularized_gradients: bool = field(default=False, repr=False)  # checkpoints of earlier releases know the repr

    def __post_init__(self):
        for name in ("depth", "repeats", "batch_size"):
            check_whole(name, getattr(self, name))
        if self.scale != "auto" and (isinstance(self.scale, str) or not is_number(self.scale) or self.scale <= 0):
            raise invalid("scale", 'a positive number or "auto"', self.scale)
        check_share("tolerance", self.tolerance, below_one=True)
        check_flag("averaging", self.averaging)
        check_flag("regularized_gradients", self.regularized_gradients)
        check_choice("on_divergence", self.on_divergence, ON_DIVERGENCE)
        if self.damping is not None and not (is_number(self.damping) and self.damping >= 0):
            raise invalid("damping", "a number of at least 0, or None", self.damping)

    @classmethod
    def original(
        cls,
        scale: float = 10.0,
        damping: float = 0.0,
        depth: int = 10000,
        repeats: int = 1,
        batch_size: int = 100,
        on_divergence: str = "raise",
    ) -> "LiSSA":
        """Returns the settings of the original implementation, in its own terms.

        There the damping is multiplied by the scale: a step is `h <- v + (1 - damping) h - C_batch h / scale`. There is
        no averaging over steps and no early stop. The gradients of training samples include the L2 term, those of
        validation samples do not. Refusing to return a run that diverged is our addition.

        Args:
            scale: Their `scale`.
            damping: Their `damping`; in plain units it is `damping * scale`.
            depth: Their `recursion_depth`.
            repeats: Their `num_samples`.
            batch_size: Samples per step.
            on_divergence: As for `LiSSA`.
        """
        return cls(
            depth, repeats, batch_size, float(scale), 0.0, False, on_divergence, float(damping * scale), True
        )  # fmt: skip

    def solve(self, system, verbose="auto", start=None, after_step=None):
        """Returns the `Solution` of a `DampedSystem`.

        Args:
            system: The equations.
            verbose: As in `Progress`.
            start: State to continue from, one of those passed to `after_step`.
            after_step: Function called after every step with a function that returns the state, a dictionary of
                arrays.

        Raises:
            DivergenceError: If a run grows without bound, or the solution is no better than zero.
        """
        start = start or {}
        scale = float(start["scale"]) if start else self._scale(system)
        history = restored_history(start["history"]) if start else []
        solutions = list(start["solutions"]) if start else []
        residual = None  # of the last run, if it was measured
        with Progress("Solving (LiSSA)", self.depth * self.repeats, verbose, unit="steps") as progress:
            while len(solutions) < self.repeats:
                run = _Run(self, system, scale, len(solutions), start)

                def state(run=run):
                    done = np.array([ops.convert_to_numpy(s) for s in solutions]).reshape(-1, system.curvature.size)
                    return {
                        "scale": scale,
                        "history": numpy_history(history),
                        "solutions": done,
                        **run.state(),
                    }

                progress.resume(len(solutions) * self.depth + run.step)
                for _ in run.steps(history):
                    progress.advance(1, **({ON_A_BATCH: history[-1][2]} if history else {}))
                    if after_step is not None:
                        after_step(state)
                solutions.append(run.solution())
                residual = run.residual
                start = {}
            found = self._joined(system, solutions, history, scale, residual)
            progress.advance(0, residual=found.residual, **{ON_A_BATCH: None})
        return found

    def _joined(self, system, solutions, history, scale, residual):
        mean = sum(ops.convert_to_tensor(s) for s in solutions) / float(len(solutions))
        spread = None
        if len(solutions) > 1:
            squares = [norm(ops.convert_to_tensor(s) - mean) ** 2 for s in solutions]
            spread = float(np.sqrt(np.mean(squares)) / norm(mean))
            residual = None  # that of the mean is another
        details = {"scale": scale, "spread": spread}
        return measured(system, mean, self.tolerance or TOLERANCE, history, residual, **details)

    def _scale(self, system):
        if self.scale != "auto":
            return float(self.scale)
        largest = 0.0
        for batch in itertools.islice(system.data.shuffled(self.batch_size, 2), 4):
            spectrum = lanczos(lambda v, at=batch: system.curvature.product(v, [at]), system.curvature.size, steps=8)
            largest = max(largest, spectrum.largest + spectrum.largest_error)
        return 1.5 * largest + system.damping


class _Run:
    """One of LiSSA's independent runs."""

    def __init__(self, settings, system, scale, repeat, start):
        self._settings = settings
        self._system = system
        self._scale = scale
        self._repeat = repeat
        self._target_norm = norm(system.target)
        self.step = int(start["step"]) if start else 0
        self._h = ops.convert_to_tensor(start["h"]) if start else system.target
        self._average = TailAverage(settings.depth, start)
        self._stopped = bool(start["stopped"]) if start else False
        # Infinity until a batch is seen.
        self._next_measurement = int(start["next_measurement"]) if start else float("inf")
        self.residual = None  # of the solution, where the run stopped for it

    def _first_measurement(self, batch):
        read = min(self._system.data.samples, SAMPLES_OF_A_ROUGH_RESIDUAL)
        return max(FIRST_MEASUREMENT, STEPS_TO_A_MEASUREMENT * read // batch_length(batch[0]))

    def state(self):
        return {
            "step": self.step,
            "h": ops.convert_to_numpy(self._h),
            "stopped": self._stopped,
            "next_measurement": self._next_measurement,
            **self._average.state(),
        }

    def solution(self):
        return (self._average.mean() if self._settings.averaging else self._h) / self._scale

    def steps(self, history):
        """Takes the steps that are left, yielding after each; adds to the history."""
        order = self._system.data.shuffled(self._settings.batch_size, 1, self._repeat)
        for batch in itertools.islice(order, self.step, None):
            if self._stopped or self.step == self._settings.depth:
                return
            if self._next_measurement == float("inf"):
                self._next_measurement = self._first_measurement(batch)
            change = self._system.target - self._system.product(self._h, [batch]) / self._scale
            self._h = self._h + change
            self.step += 1
            self._average.add(self._h)
            if self.step % STEPS_BETWEEN_CHECKS == 0 or self.step == self._settings.depth:
                self._check(change, batch, history)
            yield

    def _check(self, change, batch, history):
        relative = norm(change) / self._target_norm
        if not relative < DIVERGED:
            raise self._divergence(batch, relative)
        history.append((self._repeat, self.step, relative))
        if self._settings.tolerance > 0 and self._next_measurement <= self.step < self._settings.depth:
            self._next_measurement = int(GROWTH_TO_NEXT_MEASUREMENT * self.step)
            self._stopped = self._is_within_tolerance()

    def _is_within_tolerance(self):
        """Measures the residual: roughly first, and in full, unless that was in full, only if it is promising."""
        solution, samples = self.solution(), self._system.data.samples
        measurements = [SAMPLES_OF_A_ROUGH_RESIDUAL] if samples > SAMPLES_OF_A_ROUGH_RESIDUAL else []
        for most_samples in (*measurements, float("inf")):
            residual = self._system.relative_residual(solution, most_samples)
            if not residual <= self._settings.tolerance:  # also true for NaN
                return False
        self.residual = residual
        return True

    def _divergence(self, batch, relative):
        curvature, damping, scale = self._system.curvature, self._system.damping, self._scale
        spectrum = lanczos(lambda v: curvature.product(v, [batch]), curvature.size)
        remedies, larger_scale, more_damping = [], None, None
        if scale <= 1.2 * spectrum.largest + damping:
            larger_scale = 1.5 * max(spectrum.largest + damping, scale)
            remedies.append(f"a scale above the largest eigenvalue ({larger_scale:.4g})")
        if damping + spectrum.smallest <= 0 or curvature.kind == "hessian":
            more_damping = max(4 * damping, -2 * spectrum.smallest, 1e-3 * spectrum.largest)
            remedies.append(f"damping well above {max(0.0, -spectrum.smallest):.4g}")
        if curvature.kind == "hessian":
            remedies.append("curvature='gauss_newton', which has no negative eigenvalues")
        if not remedies:
            larger_scale = 2 * scale
        return DivergenceError(
            f"LiSSA diverged: at step {self.step} of {self._settings.depth} the residual is {relative:.3g} times the "
            f"right-hand side. On one batch the {curvature.kind} has eigenvalues from {spectrum.smallest:.4g} to "
            f"{spectrum.largest:.4g}; damping is {damping:.4g}, scale {scale:.4g}. Try "
            + (", or ".join(remedies) or "a larger batch_size or scale"),
            damping=more_damping,
            scale=larger_scale,
        )
