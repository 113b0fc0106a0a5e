"""A model's derivatives with what they were compiled to, kept with the model from one computation to the next."""

from typing import Any

from tfdrop.influence.autodiff.fingerprint import fingerprint
from tfdrop.influence.autodiff.verification import FORWARD, REVERSE
from tfdrop.influence.kept import kept_with

KEPT = 4  # of a model: losses, choices of variables


class Traced:
    """The ways of computing a model's derivatives, each compiled at most once for a shape.

    Args:
        backend: The `Backend`.
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: The Keras variables.

    Attributes:
        methods: The automatic methods, by name.
        kinds: What distinguishes the batches that derivatives have been checked on.
    """

    def __init__(self, backend, model, per_sample_loss, variables):
        self._backend = backend
        self._model = model
        self._variables = variables
        self.begin(per_sample_loss)

    def begin(self, per_sample_loss):
        """Makes everything anew, nothing of it compiled, for a loss."""
        backend = self._backend
        self._arguments = arguments = (self._model, per_sample_loss, self._variables)
        methods = {FORWARD: backend.forward(*arguments), REVERSE: backend.reverse(*arguments)}
        if backend.sharded is not None:
            methods = {name: backend.sharded(autodiff) for name, autodiff in methods.items()}
        self.methods: dict[str, Any] = methods
        self.kinds: set[tuple] = set()
        self._evaluations: dict[str | None, Any] = {}

    def evaluation(self, dtype):
        """Returns the `Evaluation` in a type."""
        if dtype not in self._evaluations:
            self._evaluations[dtype] = self._backend.evaluation(*self._arguments, dtype)
        return self._evaluations[dtype]


def traced_derivatives(backend, model, per_sample_loss, variables):
    """Returns the `Traced` that was kept with a model that has not changed since; a new one otherwise."""
    kept = kept_with(model).traced
    key = fingerprint(model, per_sample_loss, variables)
    found = next((traced for other, traced in kept if other == key), None)
    if found is None:
        found = Traced(backend, model, per_sample_loss, variables)
    others = [(other, traced) for other, traced in kept if traced is not found]
    kept[:] = [*others[1 - KEPT :], (key, found)]  # the last used last
    return found
