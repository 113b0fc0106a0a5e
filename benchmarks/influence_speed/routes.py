"""The ways to the scores that are compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """One way to the scores.

    Attributes:
        library: The library.
        name: The route's name in the library's program.
        title: What the table calls it.
        efforts: Numbers of steps to try until the scores agree; or a single one.
        documented: Whether the library's documentation shows it.
        repeats: Whether it is quick enough to repeat.
    """

    library: str
    name: str
    title: str
    efforts: tuple[int, ...] = (0,)
    documented: bool = False
    repeats: bool = True


REFERENCE = Route("tfdrop", "reference", "the converged solution")

ROUTES = (
    Route("tfdrop", "cg", "`ConjugateGradient(depth={})`", (1, 2, 3, 4, 5, 6), True),
    Route("tfdrop", "cg as it comes", '`solver="cg"`, its own tolerance', documented=True),
    Route("tfdrop", "lissa as it comes", '`solver="lissa"`, its own tolerance', documented=True),
    Route("pyDVL", "internals cg", "internals: conjugate gradients, {} steps", (8, 9, 10, 11, 12)),
    Route(
        "pyDVL",
        "internals forward cg",
        "internals: the same with forward over reverse products and channels last, {} steps",
        (8, 9, 10, 11, 12),
    ),
    Route("pyDVL", "internals lissa", "internals: LiSSA likewise, {} steps of 100 samples", (100,)),
    Route("pyDVL", "documented cg", "`CgInfluence`, 9 steps for each validation sample", (2,), True, False),
    Route("pyDVL", "documented block cg", "`CgInfluence(solve_simultaneously=True)`, likewise", (4,), True, False),
    Route("pyDVL", "documented lissa", "`LissaInfluence`, 100 steps of 100 samples", (2,), True, False),
    Route("pyDVL", "documented arnoldi", "`ArnoldiInfluence(rank={})`", (30, 40, 50), True, False),
    Route("influenciae", "internals cg", "internals: conjugate gradients, {} steps", (8, 9, 10), repeats=False),
    Route("influenciae", "public vector", "`compute_ihvp` of the summed gradient, {} steps", (8,), repeats=False),
    Route("influenciae", "documented cg", "calculator with CGD, 8 steps for each training sample", (1,), True, False),
)
