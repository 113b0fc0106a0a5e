"""One step of a Keras optimizer as a function of its state, on TensorFlow, where Keras has `stateless_apply` for none.

Keras's update rules themselves are stateless in a `StatelessScope`; what is not is the layer of `tf.distribute` around
them, which wants variables. On one device it has nothing to add.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras


def stateless_apply(
    optimizer: keras.optimizers.Optimizer, slots: Sequence[Any], gradients: Sequence[Any], values: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Returns the values and the optimizer's variables after one step; nothing is changed.

    Args:
        optimizer: A built Keras optimizer.
        slots: A tensor for each of its variables.
        gradients: A tensor for each of the variables that it was built on, or `None`.
        values: A tensor for each of those variables.

    Returns:
        The new `values` and the new `slots`.
    """
    variables = optimizer._trainable_variables
    scope = keras.StatelessScope()
    for variable, value in zip([*variables, *optimizer.variables], [*values, *slots], strict=True):
        scope.add_update((variable, value))  # unlike the constructor's mapping, this keeps the value's type
    with _for_one_device(optimizer), scope:
        optimizer.apply(gradients)
    return [scope.get_current_value(v) for v in variables], [scope.get_current_value(v) for v in optimizer.variables]


@contextlib.contextmanager
def _for_one_device(optimizer: Any) -> Iterator[None]:
    """Let the optimizer use Keras's general methods in place of those for `tf.distribute`."""
    kinds = {kind.__name__: kind for kind in type(optimizer).__mro__}
    general, distributed = kinds["BaseOptimizer"], vars(kinds["TFOptimizer"])
    methods = {name: getattr(general, name).__get__(optimizer) for name in distributed if _is_method(general, name)}
    # Inside the scope a variable's value is a tensor, which has no key.
    keys = {id(variable): optimizer._var_key(variable) for variable in optimizer._trainable_variables}
    methods["_var_key"] = lambda variable: keys[id(variable)]
    own = vars(optimizer)
    before = dict(own)
    own.update(methods)
    try:
        yield
    finally:
        for name in methods:
            own.pop(name)
            if name in before:
                own[name] = before[name]


def _is_method(kind, name):
    return callable(vars(kind).get(name)) and not name.startswith("__")
