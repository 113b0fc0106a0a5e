"""The exact solve, which writes out the whole matrix: for small models, and as a reference for other solvers."""

import weakref
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, check_whole
from tfdrop.influence.solvers.solution import ON_DIVERGENCE, DivergenceError, measured
from tfdrop.progress import Progress

TOLERANCE = 1e-3  # what rounding in the float32 products may leave


@dataclass(frozen=True)
class Exact:
    """Solves `(curvature + damping I) s = v` with the matrix over all of the training data, column by column.

    The matrix is written out once for all right-hand sides of one `InfluenceModel`.

    Args:
        most_variables: Largest number of variables: time and memory grow with its square.
        on_divergence: `"raise"`, or `"adapt"`: raise the damping until the matrix is positive definite.
        damping: Overrides the damping that `InfluenceModel` is given, unless `None`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> from tfdrop.influence import Exact
    >>> Exact(on_divergence="adapt").most_variables
    20000
    """

    most_variables: int = 20000
    on_divergence: str = "raise"
    damping: float | None = None
    _matrices: weakref.WeakKeyDictionary = field(default_factory=weakref.WeakKeyDictionary, repr=False, compare=False)

    def __post_init__(self):
        check_whole("most_variables", self.most_variables)
        check_choice("on_divergence", self.on_divergence, ON_DIVERGENCE)

    def solve(self, system, verbose="auto", start=None, after_step=None):
        """Returns the `Solution` of a `DampedSystem`; see `LiSSA.solve`.

        Raises:
            DivergenceError: If the damped matrix is not positive definite.
            ValueError: If there are too many variables.
        """
        self._check_size(system.curvature.size)
        matrix = self._matrices.get(system.curvature)
        if matrix is None:
            matrix = self._matrices[system.curvature] = _written_out(system, verbose, start, after_step)
        matrix = matrix + system.damping * np.eye(len(matrix))
        solution = _solve_positive_definite(matrix, ops.convert_to_numpy(system.target), system)
        return measured(system, ops.convert_to_tensor(solution.astype("float32")), TOLERANCE, [])

    def _check_size(self, size):
        if size > self.most_variables:
            raise ValueError(
                "Invalid value received for argument `solver`. "
                f"Expected a solver without the whole matrix, or fewer variables. Received: Exact, for {size} "
                f"variables; its most_variables is {self.most_variables}"
            )


def _written_out(system, verbose, start, after_step):
    """Returns the undamped matrix, in float64."""
    columns = list(start["columns"]) if start else []
    size = system.curvature.size
    with Progress("Writing the matrix out", size, verbose, unit="columns") as progress:
        progress.resume(len(columns))
        for index in range(len(columns), size):
            unit = np.zeros(size, "float32")
            unit[index] = 1.0
            product = system.curvature.product(ops.convert_to_tensor(unit), system.data.batches())
            columns.append(ops.convert_to_numpy(product))
            progress.advance()
            if after_step is not None:
                after_step(lambda: {"columns": np.array(columns)})
    matrix = np.array(columns, "float64")
    return (matrix + matrix.T) / 2


def _solve_positive_definite(matrix, target, system):
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        smallest = float(np.linalg.eigvalsh(matrix)[0]) - system.damping
        raise DivergenceError(
            f"The {system.curvature.kind}'s smallest eigenvalue is {smallest:.4g}, so with a damping of "
            f"{system.damping:.4g} it is not positive definite. Try damping well above {-smallest:.4g}",
            damping=max(-2 * smallest, 4 * system.damping),
        ) from error
    return np.linalg.solve(factor.T, np.linalg.solve(factor, target.astype("float64")))
