"""The influence of training samples on their own loss."""

import itertools
from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import stream
from tfdrop.influence.basis import check_curvature
from tfdrop.influence.computation import Computation
from tfdrop.influence.curvature import dot, norm
from tfdrop.influence.self_scores_by_basis import scores_by_basis
from tfdrop.influence.solvers.solution import DivergenceError
from tfdrop.influence.solvers.spectrum import krylov
from tfdrop.influence.training_data import single_samples
from tfdrop.progress import Progress

DRAWS = 4  # names the random stream of the draws


@dataclass(frozen=True)
class SelfInfluence:
    """What `InfluenceModel.self_influence` and `self_influence` return.

    Attributes:
        scores: `g (C + damping I)^-1 g` for the loss gradient g of each sample: positive; large for samples that the
            model learned by heart, mislabeled ones for example. Eq. (1) of a sample on itself is minus this.
        standard_errors: Of the scores, where they were estimated from draws; from a basis, by how much they are too
            large at most; zeros where each had a solve.
        damping: What was added to the curvature's eigenvalues, in plain units.
        leverages: What share of the damped curvature along `(C + damping I)^-1 g` is the sample's own part, its
            curvature / n: what `Influence.rescaled` takes; 0 for a gradient of zero. `None` where the scores were
            estimated, from a basis or from draws.
    """

    scores: np.ndarray
    standard_errors: np.ndarray
    damping: float
    leverages: np.ndarray | None = None


def self_scores(problem, solver, samples, basis, draws, steps, checkpoint, verbose):
    """Returns the `SelfInfluence` of a `Problem`'s training samples; see `InfluenceModel.self_influence`."""
    for name, value in (("basis", basis), ("draws", draws)):
        if value is not None:
            check_whole(name, value, lowest=2)
            if samples is not None:
                raise invalid("samples", f"None where `{name}` is given, which scores all samples", samples)
    if None not in (basis, draws):
        raise invalid("draws", "None where `basis` is given", draws)
    check_whole("steps", steps)
    if basis is not None:
        check_curvature(problem)
    computation = Computation(problem, solver, checkpoint, **{"draws": draws} if basis is None else {"basis": basis})
    if basis is not None:
        return SelfInfluence(*scores_by_basis(computation, basis, verbose), computation.damping)
    if draws is not None:
        problem.rough.forget()
        return _drawn(computation, draws, steps, verbose)
    return _solved(computation, samples, verbose)


def _solved(computation, samples, verbose):
    problem, phases = computation.problem, computation.phases
    if samples is not None and problem.data.passes_in_order:
        raise invalid("samples", "None for a data set: only arrays have numbered samples", samples)
    total = problem.data.samples if samples is None else len(samples)
    if samples is not None and not all(0 <= sample < problem.data.samples for sample in samples):
        raise invalid("samples", f"numbers from 0 to {problem.data.samples - 1}", samples)

    def wanted():
        if samples is None:
            return single_samples(problem.data.batches())
        return (problem.data.select([sample]) for sample in samples)

    start = phases.start("self")
    begun = bool(start) and "leverages" in start
    if not begun:  # also a checkpoint of an earlier release, which has no leverages, in the middle of a sample's solve
        phases.forget("solve")
    scores = list(start["scores"]) if begun else []
    leverages = list(start["leverages"]) if begun else []
    computation.damping = float(start["damping"]) if start else computation.damping

    def state():
        return {"scores": np.array(scores), "leverages": np.array(leverages), "damping": computation.damping}

    with Progress("Self-influence", total, verbose, unit="samples") as progress:
        progress.resume(len(scores))
        left = itertools.islice(wanted(), len(scores), None)
        while len(scores) < total:
            sample = next(left)
            gradient = ops.convert_to_tensor(problem.autodiff.gradient(*sample))
            if norm(gradient) == 0:  # nothing to learn from the sample, as from one far behind a hinge
                scores.append(0.0)
                leverages.append(0.0)
            else:
                solution, damping = computation.solve(gradient)
                step = solution.vector
                scores.append(float(dot(gradient, step)))
                own = float(dot(step, problem.curvature.sum_product(*sample, step))) / problem.data.samples
                leverages.append(own / scores[-1] if scores[-1] else 0.0)
                if damping != computation.damping:  # it had to be raised: all samples are to have the same
                    computation.damping, scores, leverages, left = damping, [], [], wanted()
            phases.forget("solve")
            progress.advance()
            phases.after_step("self", state)
    return SelfInfluence(np.array(scores), np.zeros(len(scores)), computation.damping, np.array(leverages))


def _drawn(computation, draws, steps, verbose):
    problem, phases = computation.problem, computation.phases
    computation.check_definite(computation.damping)
    start = phases.start("draws")
    squares = [start["squares"]] if start else []
    with Progress("Self-influence, random draws", draws, verbose) as progress:
        done = 0 if not start else start["squares"].shape[1]
        progress.resume(done)
        for draw in range(done, draws):
            normal = stream(problem.seed, DRAWS, draw).standard_normal(problem.curvature.size).astype("float32")
            squares.append(computation.gradients_times([_inverse_root_times(computation, normal, steps)]) ** 2)
            phases.forget("scores")
            progress.advance()
            phases.after_step("draws", lambda: {"squares": np.concatenate(squares, axis=1)})
    joined = np.concatenate(squares, axis=1)
    return SelfInfluence(joined.mean(1), joined.std(1, ddof=1) / np.sqrt(draws), computation.damping)


def _inverse_root_times(computation, vector, steps):
    """Returns `(C + damping I)^(-1/2)` times a vector."""
    problem, damping = computation.problem, computation.damping
    vector = ops.convert_to_tensor(vector)
    space = krylov(lambda v: problem.curvature.product(v, problem.data.batches()), vector, steps)
    eigenvalues = np.linalg.eigvalsh(space.tridiagonal) + damping
    if eigenvalues[0] <= 1e-6 * eigenvalues[-1]:
        raise DivergenceError(
            f"The {problem.curvature.kind} with a damping of {damping:.4g} is not positive definite: an "
            f"eigenvalue is {eigenvalues[0]:.4g}. Try more damping, or curvature='gauss_newton'",
            damping=damping - 2 * eigenvalues[0],
        )
    return norm(vector) * space.apply_to_first(lambda values: (values + damping) ** -0.5)
