"""Run a float32 model in float64 at weights of our choice, without changing it.

A difference quotient needs a step so small that no ReLU switches on the way, and float32 cannot resolve one.
"""

import contextlib

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
    inputs = [tensor for layer in layers for tensor in _input_tensors(layer)]
    input_types = [tensor._dtype for tensor in inputs]
    try:
        for layer in layers:
            layer.dtype_policy = dtype
        for tensor in inputs:  # a model inside the model would round what it is called on to its inputs' type
            tensor._dtype = dtype
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy
        for tensor, input_type in zip(inputs, input_types, strict=True):
            tensor._dtype = input_type


def _computes_in_floats(layer):
    return backend.standardize_dtype(layer.compute_dtype).startswith(("float", "bfloat"))


def _input_tensors(layer):
    """Returns the symbolic floating-point inputs of a functional model; nothing for any other layer."""
    if not isinstance(layer, keras.Model):
        return []
    tensors = keras.tree.flatten(getattr(layer, "_inputs", None) or [])
    return [tensor for tensor in tensors if str(getattr(tensor, "_dtype", "")).startswith(("float", "bfloat"))]


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
