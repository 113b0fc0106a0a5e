"""Self-influence of all samples from one basis of the curvature."""

import itertools
from typing import Any

import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.data.samples import stream
from tfdrop.influence.basis import check_damping, curvature_basis
from tfdrop.influence.curvature import norm
from tfdrop.influence.training_data import batch_length, single_samples
from tfdrop.progress import Progress

BASIS = 5  # names the random stream of the first vector


def scores_by_basis(computation: Any, size: int, verbose: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns `g (C + damping I)^-1 g` for each sample's loss gradient g, and by how much each is too large at most.

    Args:
        computation: The `Computation`, of a Gauss-Newton matrix.
        size: Vectors of the basis, as many as products with the whole data.
        verbose: Whether to show progress.

    Raises:
        ValueError: If the damping is not positive, or a gradient is not finite.
    """
    problem = computation.problem
    check_damping(computation)
    first = stream(problem.seed, BASIS).standard_normal(problem.curvature.size).astype("float32")
    basis = curvature_basis(computation, ops.convert_to_tensor(first), size, verbose)
    basis = basis._replace(eigenvalues=np.maximum(basis.eigenvalues, 0))  # the others are rounding
    lower, outside = _parts(computation, basis, verbose)
    return lower + outside / computation.damping, outside / computation.damping


def _parts(computation, basis, verbose):
    """Returns what of each sample's score is inside of the basis, and the square of what is left of its gradient.

    The first is a lower bound: no step within a space gains more than the best of all steps. Once the inside is
    eliminated, what remains of a positive semi-definite matrix has no eigenvalue below the damping, so that the rest of
    the gradient, less what the coupling takes, adds at most the square of its length over it.
    """
    problem, phases = computation.problem, computation.phases
    start = phases.start("in basis")
    lower, outside = (list(start[name]) if start else [] for name in ("lower", "outside"))
    done = int(start["batches"]) if start else 0

    def state():
        return {"lower": np.array(lower), "outside": np.array(outside), "batches": done}

    with Progress("Gradients of samples", problem.data.samples, verbose) as progress:
        progress.resume(len(lower))
        for x, y in itertools.islice(problem.data.batches(), done, None):
            for sample in single_samples([(x, y)]):
                gradient = ops.convert_to_tensor(problem.autodiff.gradient(*sample))
                inside, step, rest = basis.split(gradient, computation.damping)
                if not np.isfinite(norm(rest)):
                    received = f"sample {len(lower)} with a gradient that is not finite"
                    raise invalid("train", "samples with finite loss gradients", received=received)
                lower.append(float(inside @ step))
                outside.append(norm(rest) ** 2)
            done += 1
            progress.advance(batch_length(x))
            phases.after_step("in basis", state)
    return np.array(lower), np.array(outside)
