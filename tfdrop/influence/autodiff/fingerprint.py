"""What the compiled derivatives of a model depend on, beside the values of its variables and the data.

A compiled function has baked in what Python said while it was traced: a layer's activation, its `trainable`, a loss's
options. Where two fingerprints are equal, what was compiled for the one holds for the other.
"""

import functools
import hashlib
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import keras
import numpy as np
from keras.src.ops.node import Node  # not public; functional models are made of them

DEPTH = 8  # of objects and containers within each other; what is deeper counts by its identity
# Of what every layer has, this decides what it computes; the rest says how it was called, built and tracked.
OF_EVERY_LAYER = ("_dtype_policy", "_trainable", "_supports_masking", "_remat_mode", "autocast", "activity_regularizer")
# What `fit`, `evaluate` and `predict` leave with a model, beside what every model has.
OF_TRAINING = (
    *("optimizer", "history", "stop_training", "stop_evaluating", "stop_predicting"),
    *("_compile_config", "_compiled_trainable_state", "_eval_epoch_iterator", "_jax_state_synced"),
)
PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)
# What is read when a compiled function runs, or is what it is.
BY_IDENTITY = (
    *(keras.Variable, keras.KerasTensor, keras.layers.Layer, keras.Operation, keras.Metric, keras.Optimizer, Node),
    *(ModuleType, FunctionType, BuiltinFunctionType, type),
)
# Objects that are what their attributes say, whichever they are: losses are made anew by every computation.
BY_ATTRIBUTES = ("tfdrop.", "keras.src.losses.", "keras.src.dtype_policies.")
FOREIGN = ("tensorflow.", "jax.", "jaxlib.", "threading", "_thread")


class Same:
    """A thing that is equal to itself alone; it is kept, so that no other takes its place in memory."""

    def __init__(self, thing):
        self._thing = thing

    def __eq__(self, other):
        return isinstance(other, Same) and self._thing is other._thing

    def __hash__(self):
        return id(self._thing)


def fingerprint(model, per_sample_loss, variables):
    """Returns what compares equal as long as functions compiled for a model, a loss and variables hold.

    Layers count with all of their attributes, and objects in these with theirs: numbers, text and arrays by their
    values, functions, variables and tensors by their identity.

    Args:
        model: A built Keras model.
        per_sample_loss: Its `PerSampleLoss` or `JoinedLoss`.
        variables: The Keras variables.
    """
    values = _Values()
    return (
        (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()),
        (Same(getattr(model, "distribute_strategy", None)), Same(keras.distribution.distribution())),
        [Same(variable) for variable in variables],
        [(Same(layer), values.of(_attributes(layer))) for layer in model._flatten_layers()],
        values.of(per_sample_loss),
    )


def _attributes(layer):
    own = {name: value for name, value in vars(layer).items() if not _is_bookkeeping(layer, name)}
    return own | {name: getattr(layer, name, None) for name in OF_EVERY_LAYER}


def _is_bookkeeping(layer, name):
    if name.startswith(("_self_", "_tfdrop_")) or name in _of_every(keras.layers.Layer):
        return True
    return isinstance(layer, keras.Model) and (name in OF_TRAINING or name in _of_every(keras.Model))


@functools.cache
def _of_every(kind):
    return frozenset(vars(kind(name="any")))


class _Values:
    """What stands for values when they are compared; objects that hold each other are gone through once."""

    def __init__(self):
        self._seen = {}

    def of(self, value, depth=DEPTH):
        """Returns what compares equal to that of an equal value."""
        if isinstance(value, PLAIN):
            return type(value), repr(value)
        if isinstance(value, np.ndarray):
            return value.dtype.str, value.shape, hashlib.blake2b(value.tobytes()).digest()
        if isinstance(value, MethodType):  # made anew each time that it is looked up
            return Same(value.__func__), self.of(value.__self__, depth)
        if depth == 0 or _is_by_identity(value):
            return Same(value)
        if id(value) in self._seen:
            return self._seen[id(value)][0]
        self._seen[id(value)] = len(self._seen), value  # which is kept, so that no other takes its place in memory
        return type(value), self._parts(value, depth - 1)

    def _parts(self, value, depth):
        if isinstance(value, dict):
            return [(self.of(key, depth), self.of(each, depth)) for key, each in value.items()]
        if isinstance(value, list | tuple):
            return [self.of(each, depth) for each in value]
        if isinstance(value, set | frozenset):
            return {each if isinstance(each, PLAIN) else Same(each) for each in value}
        owner = None if type(value).__module__.startswith(BY_ATTRIBUTES) else Same(value)
        return owner, self.of(vars(value), depth) if hasattr(value, "__dict__") else None


def _is_by_identity(value):
    return isinstance(value, BY_IDENTITY) or type(value).__module__.startswith(FOREIGN)
