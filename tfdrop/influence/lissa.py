"""LiSSA: the stochastic iteration that multiplies by an inverse curvature."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfdrop.data.samples import stream
from tfdrop.influence.curvature import norm
from tfdrop.influence.spectrum import lanczos
from tfdrop.progress import Progress

STEPS_BETWEEN_CHECKS = 10
# A converging run's step residual stays within a few times the target, batch noise included.
DIVERGED = 100.0


class DivergenceError(ArithmeticError):
    """A solve ran away or ended no better than zero; the message gives the figures and what to change."""


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
        vector: Flat tensor, an approximation of `(curvature + damping I)^-1 target`.
        scale: The scale that was used.
        history: List of `(repeat, step, residual of that step's batch relative to the target)`.
    """

    vector: Any
    scale: float
    history: list


@dataclass(frozen=True)
class LiSSA:
    """Solves `(curvature + damping I) s = v` with one batch of training samples a step.

    From `h = v`, every step does `h <- v + h - (C_batch h + damping h) / scale`, whose fixed point is `scale`
    times the solution (Koh and Liang 2017, section 3). The damping is in plain units: it is added to the
    curvature as it is, not multiplied by the scale.

    A step's batch is only a sample of the training data, so `h` never settles; the mean of its last part does
    so much better, and is what is returned.

    Args:
        depth: Steps of one run, at least 1.
        repeats: Independent runs; the solutions are averaged.
        batch_size: Training samples a step.
        scale: Divisor that makes the iteration contract: above the largest eigenvalue of the batches'
            curvatures. `"auto"` takes 1.5 times the largest of four batches, found by Lanczos iteration,
            plus the damping.
        averaging: Share of the steps, counted from the end, whose mean is the result. 0 returns the last
            iterate as the original does.

    Raises:
        ValueError: If an argument is out of range.
    """

    depth: int = 300
    repeats: int = 1
    batch_size: int = 16
    scale: float | str = "auto"
    averaging: float = 0.5

    def __post_init__(self):
        for name in ("depth", "repeats", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Invalid value received for argument `{name}`. "
                    f"Expected an integer of at least 1. Received: {name}={value!r}"
                )
        if self.scale != "auto" and not (isinstance(self.scale, int | float) and self.scale > 0):
            raise ValueError(
                "Invalid value received for argument `scale`. "
                f'Expected a positive number or "auto". Received: scale={self.scale!r}'
            )
        if not 0 <= self.averaging <= 1:
            raise ValueError(
                "Invalid value received for argument `averaging`. "
                f"Expected a float in [0, 1]. Received: averaging={self.averaging!r}"
            )

    def solve(self, curvature, target, samples, damping, seed=0, verbose="auto", start=None, after_step=None):
        """Returns the `Solution` of `(curvature + damping I) s = target`.

        Args:
            curvature: A `Curvature`.
            target: Flat tensor `v`, not all zeros.
            samples: Number of training samples to draw batches from.
            damping: Number added to every eigenvalue, in plain units.
            seed: Integer seed of the order of the batches.
            verbose: As in `Progress`.
            start: State to go on from, one of those that `after_step` was given.
            after_step: Function called after every step with a function that returns the state, a dictionary of
                arrays.

        Raises:
            DivergenceError: If a run grows without bound.
        """
        start = start or {}
        scale = float(start["scale"]) if start else self._scale(curvature, samples, damping, seed)
        h = ops.convert_to_tensor(start["h"]) if start else target
        total = ops.convert_to_tensor(start["total"]) if start else ops.zeros_like(target)
        history = [tuple(row) for row in start["history"]] if start else []
        done = int(start["step"]) if start else 0
        averaged = max(1, round(self.averaging * self.depth))
        target_norm = norm(target)

        def state():
            vectors = {"h": ops.convert_to_numpy(h), "total": ops.convert_to_numpy(total)}
            return {"scale": scale, "step": done, "history": np.array(history).reshape(-1, 3), **vectors}

        with Progress("Solving (LiSSA)", self.depth * self.repeats, verbose) as progress:
            progress.advance(done)
            for repeat, step, indices in self._batches(samples, seed, done):
                h = target if step == 1 else h
                residual = target - (curvature.product(h, indices) + damping * h) / scale
                h = h + residual
                total = total + h if step > self.depth - averaged else total
                done += 1
                if step % STEPS_BETWEEN_CHECKS == 0 or step == self.depth:
                    relative = norm(residual) / target_norm
                    if not relative < DIVERGED:
                        raise DivergenceError(self._remedy(curvature, indices, step, relative, damping, scale))
                    history.append((repeat, step, relative))
                progress.advance()
                if after_step is not None:
                    after_step(state)
        return Solution(vector=total / (averaged * self.repeats * scale), scale=scale, history=history)

    def _batches(self, samples, seed, done):
        """Yields `(repeat, step, sample indices)` of every step but the first `done`; steps count from 1."""
        for repeat in range(self.repeats):
            order = shuffled_batches(samples, self.batch_size, stream(seed, 1, repeat))
            for step, indices in zip(range(1, self.depth + 1), order, strict=False):
                if repeat * self.depth + step > done:
                    yield repeat, step, indices

    def _scale(self, curvature, samples, damping, seed):
        if self.scale != "auto":
            return float(self.scale)
        order = shuffled_batches(samples, self.batch_size, stream(seed, 2))
        largest = 0.0
        for _ in range(4):
            indices = next(order)
            spectrum = lanczos(lambda v, at=indices: curvature.product(v, at), curvature.size, steps=8)
            largest = max(largest, spectrum.largest + spectrum.largest_error)
        return 1.5 * largest + damping

    def _remedy(self, curvature, indices, step, relative, damping, scale):
        spectrum = lanczos(lambda v: curvature.product(v, indices), curvature.size)
        remedies = []
        if scale <= spectrum.largest:
            remedies.append(f"a scale above the largest eigenvalue ({1.5 * spectrum.largest + damping:.4g})")
        if damping + spectrum.smallest <= 0 or curvature.kind == "hessian":
            remedies.append(f"damping well above {max(0.0, -spectrum.smallest):.4g}")
        if curvature.kind == "hessian":
            remedies.append("curvature='gauss_newton', which has no negative eigenvalues")
        return (
            f"LiSSA diverged: at step {step} of {self.depth} the residual is {relative:.3g} times the "
            f"right-hand side. On one batch the {curvature.kind} has eigenvalues from {spectrum.smallest:.4g} to "
            f"{spectrum.largest:.4g}; damping is {damping:.4g}, scale {scale:.4g}. Try "
            + (", or ".join(remedies) or "a larger batch_size or scale")
        )


def shuffled_batches(samples, batch_size, rng):
    """Yields index arrays without end: the whole data in a new order, batch after batch, again and again."""
    batch_size = min(batch_size, samples)
    while True:
        order = rng.permutation(samples)
        for start in range(0, samples - batch_size + 1, batch_size):
            yield order[start : start + batch_size]
