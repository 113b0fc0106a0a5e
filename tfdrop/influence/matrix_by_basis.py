"""One basis of the curvature that serves all validation samples, in the place of a solve for each."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.data.samples import stream
from tfdrop.influence.basis import check_damping, curvature_basis
from tfdrop.influence.curvature import dot, norm
from tfdrop.influence.solvers.solution import DivergenceError, Solution
from tfdrop.progress import Progress

WEIGHTS = 6  # names the random stream of the weights
MEASURED = 4  # random sums of the right-hand sides whose residual is measured
TOLERANCE = 0.1  # relative residual up to which a solution counts as converged


def solver_by_basis(
    computation: Any, gradients: Callable[..., Iterable[Any]], count: int, size: int, verbose: Any
) -> Callable[[Iterable[Any], Progress], list[Solution]]:
    """Returns a function that gives the `Solution` for each of some gradients of validation samples.

    The basis starts from a sum of the normalized gradients with random weights, and so reaches what they share. Outside
    of it the curvature is taken for a multiple of the identity, the one that leaves the least residual. Each solution
    has the same residual, the root mean square over all validation samples: a solution is linear in its right-hand
    side, so that the residual of such a sum has the expected square of one sample's, times the sum of the weights'
    squares.

    Args:
        computation: The `Computation`, of a Gauss-Newton matrix.
        gradients: Function `first -> gradients of the validation samples from that number on`.
        count: Number of validation samples.
        size: Vectors of the basis, as many as products with the whole data.
        verbose: Whether to show progress.

    Raises:
        ValueError: If the damping is not positive, or a gradient is not finite.
        DivergenceError: If the damped curvature is not positive definite, as with a loss that is not convex.
    """
    check_damping(computation)
    sums, squares = _sums(computation, gradients, count, verbose)
    if not squares.any():
        return lambda gradients, progress: [Solution(gradient, 0.0, True, []) for gradient in gradients]
    basis = curvature_basis(computation, ops.convert_to_tensor(sums[0]), size, verbose)
    lowest, damping = float(basis.eigenvalues.min()), computation.damping
    if lowest + damping <= 1e-6 * float(basis.eigenvalues.max()):
        raise DivergenceError(
            f"The gauss_newton with a damping of {damping:.4g} is not positive definite: it has an eigenvalue of "
            f"{lowest:.4g}. Try damping well above {-lowest:.4g}, or a solver in the place of `basis`",
            damping=-2 * lowest,
        )
    outside, residual = _fitted(computation, basis, sums[1:], squares[1:], verbose)

    def solved(gradients, progress):
        progress.advance(0, residual=residual)
        solutions = []
        for gradient in gradients:
            if norm(gradient) == 0:  # nothing changes the loss of this sample
                solutions.append(Solution(gradient, 0.0, True, []))
            else:
                solution = basis.solve(gradient, computation.damping, outside)
                solutions.append(Solution(solution, residual, residual <= TOLERANCE, []))
            progress.advance()
        return solutions

    return solved


def _sums(computation, gradients, count, verbose):
    """Returns sums of the normalized gradients with normal weights, one a row, and the sums of the squared weights."""
    rows = 1 + MEASURED
    start = computation.phases.start("sums")
    sums = start["sums"] if start else np.zeros((rows, computation.problem.curvature.size), "float32")
    squares, done = (start["squares"], int(start["done"])) if start else (np.zeros(rows), 0)
    weights = stream(computation.problem.seed, WEIGHTS)
    weights.standard_normal((done, rows))  # those that were drawn before

    def state():
        return {"sums": sums, "squares": squares, "done": done}

    with Progress("Gradients of validation samples", count, verbose) as progress:
        progress.resume(done)
        for gradient in gradients(done):
            length = norm(gradient)
            if not np.isfinite(length):
                received = f"sample {done} with a gradient that is not finite"
                raise invalid("validation", "samples with finite gradients", received=received)
            drawn = weights.standard_normal(rows)
            if length > 0:
                sums = sums + np.outer(drawn, ops.convert_to_numpy(gradient) / length).astype("float32")
                squares = squares + drawn**2
            done += 1
            progress.advance()
            computation.phases.after_step("sums", state)
    return sums, squares


def _fitted(computation, basis, sums, squares, verbose):
    """Returns the inverse outside of the basis with the least residual, and the root mean square relative residual.

    Both by all of the training data. The residual of a sum is linear in that inverse.
    """
    problem, phases, damping = computation.problem, computation.phases, computation.damping
    start = phases.start("residuals")
    found = start["squares"].tolist() if start else []
    with Progress("Residuals", len(sums), verbose, unit="sums") as progress:
        progress.resume(len(found))
        for target in sums[len(found) :]:
            target = ops.convert_to_tensor(target)
            inside, both = (basis.solve(target, damping, outside) for outside in (0.0, 1.0))
            products = [
                problem.curvature.product(vector, problem.data.batches()) + damping * vector
                for vector in (inside, both - inside)
            ]
            left, change = target - products[0], products[1]
            found.append([float(dot(one, other)) for one, other in ((left, left), (left, change), (change, change))])
            progress.advance()
            phases.after_step("residuals", lambda: {"squares": np.array(found)})
    parts, whole = np.array(found), np.sum(found, axis=0)
    # Each sum's residual by the inverse that the others have, for the best of its own would look better than it is.
    left = sum(_square(part, _best(whole - part, damping)) for part in parts)
    return _best(whole, damping), float(np.sqrt(max(left, 0.0) / np.sum(squares)))


def _square(parts, outside):
    """Returns the square of a residual that is linear in the inverse outside."""
    return parts @ (1.0, -2 * outside, outside**2)


def _best(parts, damping):
    """Returns the inverse, from 0 to 1 / damping, with the least square."""
    _, slope, bend = parts
    return float(np.clip(slope / bend, 0.0, 1 / damping)) if bend > 0 else 1 / damping
