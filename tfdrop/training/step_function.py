"""One training step as a function: from the values of all variables to their next values, on either backend.

`CompiledSteps` takes the same step on the variables themselves, as fast as can be; this is the form to differentiate.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tfdrop.functional.double_precision import computing_in, is_floating
from tfdrop.layers.seeded_layer import SeededLayer
from tfdrop.training.sample_weights import weighted_loss

SMALLEST = 1e-30  # its square root is far below the epsilon beside it


class State(NamedTuple):
    """A value for each variable that a step reads or writes, NumPy arrays or tensors.

    Attributes:
        weights: Those of the model's trainable variables.
        others: Those of its other variables: moving statistics, seeds, counters.
        slots: Those of the optimizer's variables.
    """

    weights: list[Any]
    others: list[Any]
    slots: list[Any]


def in_double(tensor: Any) -> np.ndarray:
    """Returns a tensor as a NumPy array in float64."""
    return np.asarray(ops.convert_to_numpy(tensor), "float64")


def named_arrays(state: State) -> dict[str, np.ndarray]:
    """Returns the parts of a state by names, as a checkpoint keeps them."""
    parts = (
        (f"{group}/{place:04d}", part) for group, parts in state._asdict().items() for place, part in enumerate(parts)
    )
    return {name: ops.convert_to_numpy(part) for name, part in parts}


def named_state(arrays: Mapping[str, np.ndarray]) -> State:
    """Returns the state whose `named_arrays` are among some arrays."""
    names = ([name for name in sorted(arrays) if name.startswith(f"{group}/")] for group in State._fields)
    return State(*([arrays[name] for name in group] for group in names))


def state_variables(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> State:
    """Returns the variables of a training as a `State`."""
    return State(list(model.trainable_variables), list(model.non_trainable_variables), list(optimizer.variables))


def read_state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> State:
    """Returns a copy of a training's state."""
    groups = ([ops.convert_to_numpy(v).copy() for v in group] for group in state_variables(model, optimizer))
    return State(*groups)


def copy_state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> State:
    """Returns a copy of a training's state on the device, which takes a fraction of the time of `read_state`."""
    return State(*([ops.copy(variable) for variable in group] for group in state_variables(model, optimizer)))


def write_state(state: State, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Sets a training's state."""
    for variables, values in zip(state_variables(model, optimizer), state, strict=True):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


@contextlib.contextmanager
def put_back(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Sets a training's state, at the end of the context, to what it was at the beginning."""
    here = read_state(model, optimizer)
    try:
        yield
    finally:
        write_state(here, model, optimizer)


class BatchLoss:
    """The training loss of one batch as a function of the values of the model's variables.

    Args:
        model: A built Keras model.
        loss: A Keras loss.
        dtype: Type to compute in, `None` for that of the model's layers.
        replicas: Number of those that compute a part of the loss each; the penalties are divided by it.

    Attributes:
        drawing: Layers that keep their own type.
    """

    def __init__(self, model: keras.Model, loss: keras.losses.Loss, dtype: str | None, replicas: int = 1):
        self._model = model
        self._loss = loss
        self._dtype = dtype
        self._replicas = replicas
        self._variables = [*model.trainable_variables, *model.non_trainable_variables]
        self._others = list(model.non_trainable_variables)
        # What Keras's own layers draw depends on the type that they draw in, so that these keep theirs where a training
        # in 16 bits is replayed. In float64 nothing is replayed.
        self.drawing = [] if dtype == "float64" else [each for each in model._flatten_layers() if _draws(each)]

    def __call__(
        self, weights: Sequence[Any], others: Sequence[Any], x: Any, y: Any, sample_weights: Any
    ) -> tuple[Any, list[Any]]:
        """Returns the loss, with the penalties of weights, and the next values of the other variables."""
        scope = keras.StatelessScope(collect_losses=True)
        for variable, value in zip(self._variables, [*weights, *others], strict=True):
            scope.add_update((variable, value))  # unlike the constructor's mapping, this keeps the value's type
        with computing_in(self._model, self._dtype, self.drawing), scope:
            outputs = self._model(x, training=True)
            penalties = list(self._model.losses)
        loss = self._of_batch(y, outputs, sample_weights)
        total = loss + sum(ops.cast(penalty, loss.dtype) for penalty in penalties) / self._replicas
        following = [scope.get_current_value(variable) for variable in self._others]
        # A variable that is assigned to inside the scope takes its own type.
        return total, [ops.cast(new, old.dtype) for new, old in zip(following, others, strict=True)]

    def _of_batch(self, y, outputs, sample_weights):
        own = self._loss._dtype
        try:
            if self._dtype is not None:
                self._loss._dtype = self._dtype
            return weighted_loss(self._loss, y, outputs, sample_weights)
        finally:
            self._loss._dtype = own


def _draws(layer):
    """Tells whether a layer draws with Keras's own functions; tfdrop's layers draw the same in every type."""
    return hasattr(layer, "seed_generator") and not isinstance(layer, SeededLayer)


def differentiable(variables: Sequence[keras.Variable]) -> list[int]:
    """Returns the places of the variables that hold floating-point numbers."""
    return [place for place, variable in enumerate(variables) if is_floating(variable)]


def differentiable_slots(optimizer: keras.optimizers.Optimizer) -> list[int]:
    """Returns the places of an optimizer's variables that steps carry on: not its count, nor its learning rate."""
    rate = rate_variable(optimizer)
    return [place for place in differentiable(optimizer.variables) if optimizer.variables[place] is not rate]


def rate_variable(optimizer: keras.optimizers.Optimizer) -> keras.Variable | None:
    """Returns the variable with an optimizer's learning rate, `None` where that is a schedule."""
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if isinstance(rate, keras.Variable) else None


def off_zero(slot: Any) -> Any:
    """Returns an optimizer's variable without its zeros, where the square root in Adam has no derivative.

    Where it is zero so is the mean gradient that is divided by it, so that nothing depends on what takes its place.
    """
    return ops.where(slot == 0, ops.cast(SMALLEST, slot.dtype), slot)
