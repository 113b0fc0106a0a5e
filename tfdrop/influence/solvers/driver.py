"""Solvers by name, and solving with retries after divergence."""

import dataclasses

from tfdrop.arguments import invalid
from tfdrop.influence.solvers.conjugate_gradient import ConjugateGradient
from tfdrop.influence.solvers.exact import Exact
from tfdrop.influence.solvers.lissa import LiSSA
from tfdrop.influence.solvers.solution import DivergenceError

SOLVERS = {"lissa": LiSSA, "cg": ConjugateGradient, "exact": Exact}
MOST_ADAPTATIONS = 20


def get_solver(solver):
    """Returns the solver with this name, with its defaults; a solver is returned unchanged.

    Raises:
        ValueError: If it is neither a name nor a solver.
    """
    if isinstance(solver, str) and solver in SOLVERS:
        return SOLVERS[solver]()
    if isinstance(solver, tuple(SOLVERS.values())):
        return solver
    raise invalid("solver", f"one of {', '.join(map(repr, SOLVERS))}, or a solver of tfdrop.influence", solver)


def solve(system, solver, check_definite, phases, phase="solve", verbose="auto"):
    """Solves a system; if the solver may adapt, with more damping or a larger scale until it converges.

    Args:
        system: The `DampedSystem`.
        solver: One of the solvers.
        check_definite: Function of a damping that raises a `DivergenceError` if that is known to be too little.
        phases: `Phases` to keep the solve's state in.
        phase: Name of the solve in them.
        verbose: As in `Progress`.

    Returns:
        A `Solution`, and the damping that it took.

    Raises:
        DivergenceError: If the solve diverges and the solver may not adapt, or adapting does not help.
    """
    for attempt in range(MOST_ADAPTATIONS + 1):
        name = f"{phase} {attempt}"
        try:
            check_definite(system.damping)
            return _solve_once(solver, system, phases, name, verbose), system.damping
        except DivergenceError as error:
            if solver.on_divergence == "raise" or attempt == MOST_ADAPTATIONS:
                raise
            if error.scale is not None:
                solver = dataclasses.replace(solver, scale=error.scale)
            elif error.damping is not None:
                system = dataclasses.replace(system, damping=error.damping)
            else:
                raise
    raise AssertionError("the last attempt returns or raises")


def _solve_once(solver, system, phases, name, verbose):
    return solver.solve(
        system, verbose, start=phases.start(name), after_step=lambda state: phases.after_step(name, state)
    )
