"""The check of one derivative: the first way of computing it that central differences confirm.

Automatic differentiation is not right for every layer: TensorFlow's forward mode loses tangents in functions compiled
by XLA and fails in loops, some operations have no second gradient or a wrong one, and a layer can have any gradient of
its own. None of this has to raise an error.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from tfdrop.influence.autodiff.judge import Verdict, is_out_of_memory, relative_distance

FORWARD, REVERSE = "forward over backward", "reverse over reverse"
GAUSS_NEWTON, DIFFERENCES = "Gauss-Newton", "central differences"
LARGEST_INACCURACY = 0.1  # of differences that take the place of a derivative
SYMMETRY_TOLERANCE = 0.01


class DerivativeError(ValueError):
    """A model with a derivative that cannot be computed by any method."""


OFF = "off by"  # how the reason of a method that gives wrong numbers begins
DISTRUSTED = "wrong for another derivative"


@dataclass(frozen=True)
class CheckedDerivative:
    """How a derivative is computed, and how well that was found to hold.

    Attributes:
        derivative: `"gradient"`, `"directional_derivatives"`, `"hessian_product"` or `"gauss_newton_product"`.
        method: `"forward over backward"` or what takes its place: `"reverse over reverse"`, `"Gauss-Newton"`,
            `"central differences"`.
        error: Relative distance to central differences on the batch of the check; for central differences, the
            distance between two steps. `None` where differences could not tell.
        failures: What the methods before it failed on: `{method: reason}`.
        layer: Name and class of the layer to blame for the failures; `None` if there are none, or it was not found.
        function: The function that computes it.
    """

    derivative: str
    method: str
    error: float | None
    failures: dict[str, str]
    layer: str | None = None
    function: Callable | None = field(repr=False, compare=False, default=None)

    @property
    def wrong_methods(self) -> list[str]:
        """Names of the methods that gave a wrong number, and no error."""
        return [name for name, reason in self.failures.items() if reason.startswith(OFF)]


def choose(derivative, methods, judge, may_substitute=False, distrusted=()):
    """Returns the `CheckedDerivative` of the first method that passes, without the layer to blame.

    Args:
        derivative: Name of the derivative, a method of `Autodiff`.
        methods: Dictionary of the automatic methods by name, in the order in which to try them.
        judge: A `Judge`.
        distrusted: Names of methods that gave wrong numbers for another derivative: what they give for this one, right
            as it may be along one direction, is not to be relied on.
        may_substitute: Whether the Gauss-Newton matrix may take the place of a Hessian without second derivatives.

    Returns:
        A `CheckedDerivative`; its function is `None` if no method passes.
    """
    failures: dict[str, str] = {}
    undecided: dict[str, np.ndarray] = {}
    raised = 0
    for name, autodiff in methods.items():
        if name in distrusted:
            failures[name] = DISTRUSTED
            continue
        try:
            found = _computed(autodiff, derivative, judge)
        except Exception as error:  # TensorFlow, Keras and JAX raise all kinds for what they cannot differentiate
            if is_out_of_memory(error):
                raise
            failures[name] = _last_line(error)
            raised += 1
            continue
        verdict, distance = judge.verdict(derivative, found)
        if verdict is Verdict.RIGHT or not judge.is_finite:  # samples that are not finite are refused by their numbers
            accuracy = distance if verdict is Verdict.RIGHT else None
            return CheckedDerivative(derivative, name, accuracy, failures, function=getattr(autodiff, derivative))
        if verdict is Verdict.UNDECIDED:
            undecided[name] = found
        else:
            failures[name] = f"{OFF} {distance:.2g} times its size"
    for name in undecided:
        if _is_consistent(derivative, name, undecided, methods, judge):
            return CheckedDerivative(derivative, name, None, failures, function=getattr(methods[name], derivative))
        failures[name] = "neither symmetric nor confirmed by another method"
    if derivative == "hessian_product" and may_substitute and raised == len(methods):
        substitute = choose("gauss_newton_product", methods, judge)
        if substitute.function is not None and substitute.method != DIFFERENCES:
            return CheckedDerivative(derivative, GAUSS_NEWTON, substitute.error, failures, function=substitute.function)
    return _by_differences(derivative, judge, failures)


def check_gradient(autodiff, judge):
    """Returns the `CheckedDerivative` of the gradient; its function is `None` if it is not that of the losses."""
    found = _computed(autodiff, "gradient", judge)
    verdict, distance = judge.verdict("gradient", found)
    failures = {}
    if judge.usable and verdict is Verdict.WRONG:
        failures["backward"] = f"off by {distance:.2g} times its size from float64"
    elif judge.usable and not judge.gradient_is_consistent():
        failures["backward"] = "not the gradient of the loss, by central differences"
    error = distance if verdict is Verdict.RIGHT else None
    function = None if failures else autodiff.gradient
    return CheckedDerivative("gradient", "backward", error, failures, function=function)


def _computed(autodiff, derivative, judge, vector=None):
    vectors = [] if derivative == "gradient" else [ops.convert_to_tensor(judge.vector if vector is None else vector)]
    return np.asarray(ops.convert_to_numpy(getattr(autodiff, derivative)(judge.x, judge.y, *vectors)), "float64")


def _is_consistent(derivative, name, undecided, methods, judge):
    """Tells whether forward and reverse mode agree, and a matrix is symmetric: where differences cannot tell."""
    found = undecided[name]
    if derivative == "directional_derivatives":
        along = _computed(methods[name], "gradient", judge) @ judge.vector
        return abs(found.sum() - along) <= SYMMETRY_TOLERANCE * np.abs(found).sum()
    other = judge.vector[::-1].copy()
    one, two = other @ found, _computed(methods[name], derivative, judge, other) @ judge.vector
    scale = max(abs(one), abs(two), np.linalg.norm(other) * np.linalg.norm(found) / np.sqrt(len(found)))
    agree = all(relative_distance(found, another) <= SYMMETRY_TOLERANCE for another in undecided.values())
    return agree and abs(one - two) <= SYMMETRY_TOLERANCE * scale


def _by_differences(derivative, judge, failures):
    differences, inaccuracy = judge.most_accurate(derivative) if judge.usable else (None, np.inf)
    if not inaccuracy <= LARGEST_INACCURACY:
        return CheckedDerivative(derivative, DIFFERENCES, None, failures)
    return CheckedDerivative(derivative, DIFFERENCES, inaccuracy, failures, function=getattr(differences, derivative))


def _last_line(error):
    """Returns an error's name and what it says, without Keras's and AutoGraph's account of the call."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # without colors
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if "Error: " in line or "without handle data" in line or "registry" in line]
    return f"{type(error).__name__}: {(telling or lines or [''])[-1 if telling else 0][:120]}"
