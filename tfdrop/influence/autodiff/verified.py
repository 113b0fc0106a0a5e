"""The derivatives of a model, each by the first method that passes its check."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops, tree

from tfdrop.functional.double_precision import computes_in_half
from tfdrop.influence.autodiff.blame import layer_to_blame
from tfdrop.influence.autodiff.judge import TOLERANCE, TOLERANCE_IN_HALF, Judge
from tfdrop.influence.autodiff.traced import Traced
from tfdrop.influence.autodiff.verification import (
    DIFFERENCES,
    DISTRUSTED,
    FORWARD,
    GAUSS_NEWTON,
    REVERSE,
    CheckedDerivative,
    DerivativeError,
    check_gradient,
    choose,
)

CHECKED_SAMPLES = 16
SAMPLES_OF_NOW = 2
STALE = 1e-3  # losses of the same functions are nearer; where rounding takes them apart, they are compiled once more
NAMES = {
    "gradient": "The gradient",
    "directional_derivatives": "Each sample's gradient times a vector",
    "hessian_product": "The Hessian times a vector",
    "gauss_newton_product": "The Gauss-Newton matrix times a vector",
}


class DerivativeWarning(UserWarning):
    """A derivative that failed its check, and what takes its place."""


class Backend(NamedTuple):
    """What a backend has.

    Attributes:
        forward: The class `Autodiff`.
        reverse: The class `ReverseAutodiff`.
        evaluation: The class `Evaluation`.
        sharded: Function that shards an `Autodiff` over replicas, or `None` for one device.
        checked_samples: How many samples derivatives are checked on, at most.
    """

    forward: Any
    reverse: Any
    evaluation: Any
    sharded: Callable | None = None
    checked_samples: int = CHECKED_SAMPLES


class VerifiedAutodiff:
    """The methods of `Autodiff`, each computed by the first method that passes a check.

    A derivative is checked on the first batch of each shape of sample, against central differences. Where all is well
    that takes two forward and backward passes in float64 for all derivatives together, and each of them once. From then
    on every call goes straight to the function that passed. What fails is said once, in a `DerivativeWarning`.

    Only what was compiled is kept from one object to the next, never a verdict: so what is found, and every bit, is the
    same with it and without.

    Args:
        backend: The `Backend`.
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: The Keras variables.
        traced: The `Traced` derivatives of these; by default new ones.

    Attributes:
        size: Number of the variables' elements.
        checks: List of a `CheckedDerivative` for each derivative and shape of sample.
    """

    def __init__(self, backend, model, per_sample_loss, variables, traced=None):
        self._backend = backend
        self._model = model
        self._per_sample_loss = per_sample_loss
        self._variables = list(variables)
        self._traced = traced or Traced(backend, model, per_sample_loss, self._variables)
        self._functions: dict[tuple, Any] = {}
        self.size = self._traced.methods[FORWARD].size
        self.checks: list[CheckedDerivative] = []

    def verify(self, x, y, curvature):
        """Checks all derivatives that influence with this curvature needs, on a batch.

        Args:
            x: Samples.
            y: Labels.
            curvature: `"hessian"` or `"gauss_newton"`.

        Returns:
            The curvature that can be had: the one asked for, or `"gauss_newton"` in place of a Hessian that lacks
            second derivatives.

        Raises:
            DerivativeError: If a derivative cannot be computed; it names the layer.
        """
        checks = self._check(["gradient", "directional_derivatives", f"{curvature}_product"], x, y, True)
        return "gauss_newton" if checks[-1].method == GAUSS_NEWTON else curvature

    def gradient(self, x, y):
        """Returns the gradient of the losses' sum."""
        return self._function("gradient", x, y)(x, y)

    def hessian_product(self, x, y, vector):
        """Returns the Hessian of the losses' sum times `vector`."""
        return self._function("hessian_product", x, y)(x, y, vector)

    def gauss_newton_product(self, x, y, vector):
        """Returns the Gauss-Newton matrix of the losses' sum times `vector`."""
        return self._function("gauss_newton_product", x, y)(x, y, vector)

    def directional_derivatives(self, x, y, vector):
        """Returns every sample's gradient times `vector`, shape `(batch,)`."""
        return self._function("directional_derivatives", x, y)(x, y, vector)

    def penalty_product(self, vector):
        """Returns the Hessian of the weights' regularizers, counted once, times `vector`."""
        return self._traced.methods[FORWARD].penalty_product(vector)

    def _function(self, derivative, x, y):
        key = derivative, _shape_kind(x, y)
        if key not in self._functions:
            self._check([derivative], x, y)
        return self._functions[key]

    def _check(self, derivatives, x, y, may_substitute=False):
        """Finds the function of each derivative; returns a `CheckedDerivative` each."""
        kind = _shape_kind(x, y)
        x, y = tree.map_structure(lambda array: np.asarray(array)[: self._backend.checked_samples], (x, y))
        judge = self._judge(kind, x, y)
        checks = self._chosen(derivatives, judge, may_substitute)
        for check in checks:
            self._functions[check.derivative, kind] = check.function
        self.checks += self._with_blame(checks, x)
        return checks

    def _chosen(self, derivatives, judge, may_substitute):
        """Returns a `CheckedDerivative` each; a method that is wrong for one of them is trusted with none."""
        methods = self._traced.methods
        wrong = {name for check in self.checks for name in check.wrong_methods}

        def chosen(derivative):
            if derivative == "gradient":
                return check_gradient(methods[FORWARD], judge)
            return choose(derivative, methods, judge, may_substitute, wrong)

        checks = [chosen(derivative) for derivative in derivatives]
        while True:
            wrong |= {name for check in checks for name in check.wrong_methods}
            if not any(check.method in wrong for check in checks):
                return checks
            checks = [chosen(check.derivative) if check.method in wrong else check for check in checks]

    def _judge(self, kind, x, y):
        """Returns the `Judge`; what was compiled before must still give the losses that the model has now."""
        for _ in range(2):
            # First, for an error in the data or the loss to reach the user as it is.
            self._traced.methods[FORWARD].gradient(x, y)
            tolerance = TOLERANCE_IN_HALF if computes_in_half(self._model) else TOLERANCE
            judge = Judge(self._traced.evaluation, self._per_sample_loss, self._variables, x, y, tolerance)
            if kind not in self._traced.kinds or self._is_of_now(judge):
                break
            self._traced.begin(self._per_sample_loss)
            self._functions.clear()
        self._traced.kinds.add(kind)
        return judge

    def _is_of_now(self, judge):
        """Tells whether the judge's losses are those of the model when it is called layer by layer.

        The fingerprint says so already, but for what a layer computes with that is not its own: a global variable, say.
        """
        if not judge.usable:
            return False
        x, y = tree.map_structure(lambda array: np.asarray(array)[:SAMPLES_OF_NOW], (judge.x, judge.y))
        losses = np.asarray(ops.convert_to_numpy(self._per_sample_loss(y, self._model(x, training=False))), "float64")
        kept = judge.losses[:SAMPLES_OF_NOW]
        return bool(np.all(np.abs(losses - kept) <= STALE * np.max(np.abs(losses))))

    def _with_blame(self, checks, x):
        """Says what failed, with the layer to blame; returns the checks with it."""
        failed = [check for check in checks if check.failures]
        if not failed:
            return checks
        broken = [check for check in failed if check.function is None]
        by_itself = [check for check in failed if set(check.failures.values()) != {DISTRUSTED}]
        layer = self._layer_to_blame((broken or by_itself or failed)[0], x)
        if broken:
            raise DerivativeError(_message(self._model, broken, layer))
        warnings.warn(_message(self._model, failed, layer), DerivativeWarning, stacklevel=2)
        return [dataclasses.replace(check, layer=layer) if check.failures else check for check in checks]

    def _layer_to_blame(self, check, x):
        if self._backend.sharded is not None:  # layers on several replicas are not called one by one
            return None
        autodiff = self._backend.reverse if REVERSE in check.failures else self._backend.forward
        return layer_to_blame(autodiff, self._backend.evaluation, self._model, x, check.derivative)


def _shape_kind(x, y):
    """Returns what distinguishes batches for the check: the shapes of a sample and its label, and their types."""
    return tuple((str(array.dtype), tuple(array.shape[1:])) for array in tree.flatten((x, y)))


def _message(model, checks, layer):
    sentences = [f"Automatic differentiation failed its check on the model {model.name!r}."]
    for check in checks:
        reasons = "; ".join(f"{method}: {reason}" for method, reason in check.failures.items())
        sentences.append(f"{NAMES[check.derivative]} ({reasons}) {_remedy(check)}.")
    return " ".join(sentences + ([f"The layer to blame is {layer}."] if layer else []))


def _remedy(check):
    if check.function is None:
        return "cannot be computed"
    if check.method == GAUSS_NEWTON:
        return "is replaced by the Gauss-Newton matrix, which needs no second derivatives of the model"
    if check.method == DIFFERENCES:
        return f"is computed by central differences, accurate to {check.error:.1g} of its size"
    return f"is computed by {check.method}"
