"""Which layer of a model a derivative fails on."""

import contextlib
import functools
import itertools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import backend, ops, tree

from tfdrop.influence.autodiff.judge import SEED, TOLERANCE, Judge, probe_vector, relative_distance

SAMPLES = 2
# What a symbolic tensor, as in a compiled loop, answers when asked for its values: TensorFlow's, and JAX's TypeErrors.
WITHOUT_VALUES = (NotImplementedError, AttributeError, TypeError)


class Call(NamedTuple):
    """A layer and the arrays that it was called on."""

    layer: Any
    args: tuple
    kwargs: dict


def layer_to_blame(autodiff_class, evaluation_class, model, x, derivative):
    """Returns the name and class of the innermost layer that a derivative fails on; `None` if none fails by itself.

    All layers are called side by side, each on what it is called on in the model, and the derivative is taken with
    respect to their inputs at once. One that raises an error is searched for in halves of the layers.

    Args:
        autodiff_class: The class whose derivative fails.
        evaluation_class: The backend's `Evaluation`.
        model: A built Keras model.
        x: A batch of samples.
        derivative: Name of the derivative, a method of the class.
    """
    x = tree.map_structure(lambda array: np.asarray(array)[:SAMPLES], x)

    def first_failing(calls):
        try:
            failing = _failing(autodiff_class, evaluation_class, calls, derivative)
        except Exception:  # of any kind; what raises it is what is searched for
            if len(calls) == 1:
                return calls[0]
            half = len(calls) // 2
            return first_failing(calls[:half]) or first_failing(calls[half:])
        return failing[0] if failing else None

    calls = recorded_calls(model, x)
    blamed = first_failing(calls) if calls else None
    return None if blamed is None else f"{blamed.layer.name!r} ({type(blamed.layer).__name__})"


def recorded_calls(model, x):
    """Returns the first `Call` of every layer while the model runs on `x`, inner layers before those that hold them."""
    calls: list[Call] = []
    seen: set[int] = set()
    original = keras.layers.Layer.__call__

    def recording(layer, *args, **kwargs):
        outputs = original(layer, *args, **kwargs)
        is_functional = isinstance(layer, keras.Sequential) or hasattr(layer, "operations")
        if id(layer) not in seen and not is_functional:
            with contextlib.suppress(*WITHOUT_VALUES):
                calls.append(Call(layer, *tree.map_structure(_array, (args, kwargs))))
                seen.add(id(layer))
        return outputs

    keras.layers.Layer.__call__ = recording
    try:
        model(x, training=False)
    finally:
        keras.layers.Layer.__call__ = original
    return calls


def _array(value):
    return ops.convert_to_numpy(value) if ops.is_tensor(value) else value


def _failing(autodiff_class, evaluation_class, calls, derivative):
    """Returns those of some calls whose part of the derivative is not that of differences."""
    model = SideBySide(calls)
    per_sample_loss = SquaresOfParts(model)
    arguments = (model, per_sample_loss, model.probes)
    autodiff = autodiff_class(*arguments)
    x, y = np.zeros((1, 1), "float32"), np.zeros(len(calls), "float32")
    vector = ops.convert_to_tensor(probe_vector(model.probes, SEED))
    # Before the judge, as it may be the one to raise an error.
    found = None if derivative == "gradient" else getattr(autodiff, derivative)(x, y, vector)
    judge = Judge(functools.partial(evaluation_class, *arguments), per_sample_loss, model.probes, x, y)
    if not judge.usable:
        return []
    if derivative == "gradient":
        found = [np.sum(part) for part in model.split_by_call(judge.expected("gradient", judge.step) * judge.vector)]
        expected = judge.expected("directional_derivatives", judge.step)
    else:
        found = np.asarray(ops.convert_to_numpy(found), "float64")
        expected = judge.expected(derivative, judge.step)
        if derivative != "directional_derivatives":
            found, expected = model.split_by_call(found), model.split_by_call(expected)
    pairs = zip(calls, found, expected, strict=True)
    return [call for call, one, other in pairs if not relative_distance(one, other) <= TOLERANCE]


class SideBySide(keras.Model):
    """Layers beside each other, each called on constants plus variables that are zero.

    Args:
        calls: List of `Call`.

    Attributes:
        probes: Those variables and the layers' own; what two layers share belongs to the first.
    """

    def __init__(self, calls):
        super().__init__()
        self._calls = calls
        self._own = [tree.map_structure(self._probe, (call.args, call.kwargs)) for call in calls]
        self._by_call, taken = [], set()
        for own, call in zip(self._own, calls, strict=True):
            own = [probe for probe in tree.flatten(own) if probe is not None]
            own += [variable for variable in call.layer.trainable_variables if id(variable) not in taken]
            taken |= {id(variable) for variable in own}
            self._by_call.append(own)
        self.probes = [variable for variables in self._by_call for variable in variables]
        self.sizes = None

    def _probe(self, value):
        if not (isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)):
            return None
        return self.add_weight(shape=value.shape, initializer="zeros", dtype="float32")

    def call(self, x):
        outputs = []
        for call, own in zip(self._calls, self._own, strict=True):
            args, kwargs = tree.map_structure(_moved, (call.args, call.kwargs), own)
            parts = tree.flatten(call.layer(*args, **kwargs))
            parts = [ops.reshape(part, (-1,)) for part in parts if backend.is_float_dtype(part.dtype)]
            outputs.append(ops.concatenate(parts) if parts else ops.zeros((0,)))
        self.sizes = [int(output.shape[0]) for output in outputs]
        return ops.concatenate([ops.cast(output, outputs[-1].dtype) for output in outputs])

    def split_by_call(self, vector):
        """Splits a vector over the probes into the calls' parts."""
        sizes = [sum(int(np.prod(variable.shape)) for variable in variables) for variables in self._by_call]
        return np.split(vector, np.cumsum(sizes)[:-1])


def _moved(value, probe):
    return value if probe is None else ops.convert_to_tensor(value, probe.value.dtype) + probe.value


class SquaresOfParts:
    """A loss for each layer of a `SideBySide`, with a first and second derivative of its own at every output."""

    expects_probabilities = False

    def __init__(self, model):
        self._model = model

    def __call__(self, y_true, y_pred):
        starts = np.cumsum([0, *self._model.sizes])
        target = ops.convert_to_tensor(np.cos(np.arange(starts[-1])), y_pred.dtype)
        squares = ops.square(y_pred - target)
        return ops.stack([ops.sum(squares[a:b]) for a, b in itertools.pairwise(starts)])
