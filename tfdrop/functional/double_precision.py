"""Run a float32 model in float64 at weights of our choice, without changing it.

A difference quotient needs a step so small that no ReLU switches on the way, and float32 cannot resolve one.
"""

import contextlib
import importlib

import keras
from keras import backend

HALF = ("float16", "bfloat16")


def is_floating(variable):
    """Tells whether a Keras variable holds floating-point numbers, not counters or random seeds."""
    return backend.standardize_dtype(variable.dtype).startswith(("float", "bfloat"))


def computes_in_half(model):
    """Tells whether any layer of the model computes with 16 bits."""
    return any(layer.compute_dtype in HALF for layer in model._flatten_layers())


@contextlib.contextmanager
def computing_in(model, dtype, unchanged=()):
    """Let the model's layers compute in another floating-point type inside the context.

    Args:
        model: A Keras model.
        dtype: `"float64"`, or `None` to leave the layers as they are.
        unchanged: Layers that stay as they are.
    """
    kept = {id(layer) for layer in unchanged}
    layers = [] if dtype is None else [layer for layer in model._flatten_layers() if _computes_in_floats(layer)]
    layers = [layer for layer in layers if id(layer) not in kept]
    before = [(layer, layer.dtype_policy) for layer in layers]
    inputs = [each for layer in layers for each in _inputs(layer)]
    input_types = [each._dtype for each in inputs]
    try:
        for layer in layers:
            layer.dtype_policy = dtype
        for each in inputs:  # a model inside the model would round what it is called on to its inputs' type
            each._dtype = dtype
        with _float64_of_float64() if dtype == "float64" else contextlib.nullcontext():
            yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy
        for each, input_type in zip(inputs, input_types, strict=True):
            each._dtype = input_type


@contextlib.contextmanager
def _float64_of_float64():
    """Lets what Keras's operations make of float64 be float64 inside the context.

    On JAX Keras takes float32 in its place, in batch normalization for one, also where JAX itself does not.
    """
    try:
        narrower = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    except (ImportError, AttributeError):  # another release of Keras may not need it
        narrower = {}
    before = narrower.get("float64", "float64")
    try:
        narrower["float64"] = "float64"
        yield
    finally:
        narrower["float64"] = before


def _computes_in_floats(layer):
    return backend.standardize_dtype(layer.compute_dtype).startswith(("float", "bfloat"))


def _inputs(layer):
    """Returns what tells a model the floating-point types of its inputs; nothing for any other layer.

    These are the symbolic inputs of a functional model. A sequential one has such a model, and an input layer besides.
    """
    if not isinstance(layer, keras.Model):
        return []
    functional = getattr(layer, "_functional", None) or layer
    first = [
        each for each in layer._layers[:1] if functional is not layer and isinstance(each, keras.layers.InputLayer)
    ]
    inputs = [*keras.tree.flatten(getattr(functional, "_inputs", None) or []), *first]
    return [each for each in inputs if str(getattr(each, "_dtype", "")).startswith(("float", "bfloat"))]


@contextlib.contextmanager
def variables_at(variables, values):
    """Let Keras variables have other values inside the context, of another floating-point type if need be.

    Args:
        variables: Keras variables.
        values: A backend tensor for each.
    """
    scope = keras.StatelessScope()
    for variable, value in zip(variables, values, strict=True):
        scope.add_update((variable, value))  # unlike the constructor's mapping, this keeps the value's type
    with scope:
        yield
