"""The influence of training samples on their own loss."""

import itertools
from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import is_arrays, select, stream
from tfdrop.influence.curvature import norm
from tfdrop.influence.phases import Phases
from tfdrop.influence.problem import Problem
from tfdrop.influence.solvers.driver import get_solver, solve
from tfdrop.influence.solvers.solution import DivergenceError
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.influence.training_data import batch_length
from tfdrop.progress import Progress


@dataclass(frozen=True)
class SelfInfluence:
    """What `self_influence` found.

    Attributes:
        scores: `g (C + damping I)^-1 g` for the loss gradient g of each sample: positive; large for samples that the
            model learned by heart, mislabeled ones for example. Eq. (1) of a sample on itself is minus this.
        standard_errors: Of the scores, where they were estimated; zeros where each had a solve.
        damping: What was added to the curvature's eigenvalues, in plain units.
    """

    scores: np.ndarray
    standard_errors: np.ndarray
    damping: float


def self_influence(
    model,
    train,
    loss=None,
    solver="cg",
    curvature="gauss_newton",
    damping="auto",
    variables=None,
    samples=None,
    draws=None,
    steps=30,
    batch_size=64,
    seed=0,
    verbose="auto",
    checkpoint=None,
):
    """Returns the influence of training samples on their own loss.

    With a solve for each sample, or for all samples at once from a few random draws: for `w = (C + damping I)^(-1/2) z`
    with standard normal z, the expected square of `g w` is the self-influence. A draw takes one Lanczos iteration
    for the inverse root, and one forward-mode pass over the training data whatever n.

    Args:
        model, train, loss, curvature, damping, variables, batch_size, seed, verbose, checkpoint: As for
            `total_influence`.
        solver: As for `total_influence`; `"exact"` writes the matrix out once.
        samples: Numbers of the samples to score, arrays only; by default all. Each takes a solve.
        draws: Number of random draws, at least 2, to estimate all samples' scores from instead: their relative standard
            error is about `sqrt(2 / draws)`.
        steps: Products with the whole data in each draw's Lanczos iteration.

    Returns:
        A `SelfInfluence`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As `total_influence` does.
    """
    solver = get_solver(solver)
    phases = Phases(checkpoint, model, solver=solver, curvature=curvature, damping=damping, seed=seed, draws=draws)
    problem = Problem(model, train, loss, curvature, damping, variables, batch_size, seed, 0, phases, solver)
    if draws is not None:
        check_whole("draws", draws, lowest=2)
        check_whole("steps", steps)
        if samples is not None:
            raise invalid("samples", "None where draws are given, as they score all samples", samples)
        return _drawn(problem, draws, steps, seed, phases, verbose)
    return _solved(problem, train, samples, solver, phases, verbose)


def _solved(problem, train, samples, solver, phases, verbose):
    if samples is not None and not is_arrays(train):
        raise invalid("samples", "None for a data set: only arrays have numbered samples", samples)
    total = problem.data.samples if samples is None else len(samples)
    if samples is not None and not all(0 <= sample < problem.data.samples for sample in samples):
        raise invalid("samples", f"numbers from 0 to {problem.data.samples - 1}", samples)

    def wanted():
        if samples is None:
            return _single_samples(problem.data.batches())
        return (select(train, [sample]) for sample in samples)

    start = phases.start("self")
    scores = list(start["scores"]) if start else []
    problem.damping = float(start["damping"]) if start else problem.damping

    def state():
        return {"scores": np.array(scores), "damping": problem.damping}

    with Progress("Self-influence", total, verbose) as progress:
        progress.resume(len(scores))
        left = itertools.islice(wanted(), len(scores), None)
        while len(scores) < total:
            gradient = ops.convert_to_tensor(problem.autodiff.gradient(*next(left)))
            if norm(gradient) == 0:  # nothing to learn from the sample, as from one far behind a hinge
                scores.append(0.0)
            else:
                solution, system = solve(problem, solver, gradient, phases, verbose=0)
                scores.append(float(ops.dot(gradient, solution.vector)))
                if system.damping != problem.damping:  # it had to be raised: all samples are to have the same
                    problem.damping, scores, left = system.damping, [], wanted()
            phases.forget("solve")
            progress.advance()
            phases.after_step("self", state)
    return SelfInfluence(np.array(scores), np.zeros(len(scores)), problem.damping)


def _drawn(problem, draws, steps, seed, phases, verbose):
    problem.check_definite(problem.damping)
    start = phases.start("draws")
    squares = [start["squares"]] if start else []
    with Progress("Self-influence, random draws", draws, verbose) as progress:
        done = 0 if not start else start["squares"].shape[1]
        progress.resume(done)
        for draw in range(done, draws):
            normal = stream(seed, 4, draw).standard_normal(problem.curvature.size).astype("float32")
            squares.append(problem.gradients_times([_inverse_root_times(problem, normal, steps)]) ** 2)
            phases.forget("scores")
            progress.advance()
            phases.after_step("draws", lambda: {"squares": np.concatenate(squares, axis=1)})
    squares = np.concatenate(squares, axis=1)
    return SelfInfluence(squares.mean(1), squares.std(1, ddof=1) / np.sqrt(draws), problem.damping)


def _inverse_root_times(problem, vector, steps):
    """Returns `(C + damping I)^(-1/2)` times a vector."""
    vector = ops.convert_to_tensor(vector)
    space = krylov(lambda v: problem.curvature.product(v, problem.data.batches()), vector, steps)
    eigenvalues = np.linalg.eigvalsh(space.tridiagonal) + problem.damping
    if eigenvalues[0] <= 1e-6 * eigenvalues[-1]:
        raise DivergenceError(
            f"The {problem.curvature.kind} with a damping of {problem.damping:.4g} is not positive definite: an "
            f"eigenvalue is {eigenvalues[0]:.4g}. Try more damping, or curvature='gauss_newton'",
            damping=problem.damping - 2 * eigenvalues[0],
        )
    return norm(vector) * space.apply_to_first(lambda values: (values + problem.damping) ** -0.5)


def _single_samples(batches):
    for x, y in batches:
        for sample in range(batch_length(x)):
            yield select((x, y), slice(sample, sample + 1))
