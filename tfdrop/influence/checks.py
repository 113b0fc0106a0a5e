"""Checks of the model's weights and of the samples; an error names the sample by its index."""

import keras
import numpy as np

from tfdrop.arguments import invalid
from tfdrop.influence.weights import Weighted


def check_weights(model):
    """Raises a `ValueError` if the model is not built, or has weights that are not finite or not in float32."""
    if not model.built:
        raise ValueError(
            "Invalid value received for argument `model`. Expected a built model: call it on data first. "
            f"Received: model={model.name!r}, not built"
        )
    for variable in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise ValueError(
                "Invalid value received for argument `model`. Expected finite weights. "
                f"Received: {variable.path} with values that are not finite"
            )
    for variable in model.trainable_variables:
        if keras.backend.standardize_dtype(variable.dtype) != "float32":
            raise ValueError(
                "Invalid value received for argument `model`. Expected weights in float32, as with the dtype policies "
                f"'float32' and 'mixed_float16'. Received: {variable.path} in {variable.dtype}"
            )


class SampleCheck:
    """Checks batches of one of the data arguments, so that an error names the sample.

    Args:
        name: Name of the argument.
        losses: The `PerSampleLoss` of each output that has one.
        output_shapes: Those outputs' shapes without the batch axis.

    Raises:
        ValueError: When called, if a value is not finite, or labels are not such as the loss takes.
    """

    def __init__(self, name, losses, output_shapes):
        self._name = name
        self._losses = losses
        self._output_shapes = output_shapes

    def __call__(self, x, y, first):
        """Checks the batch whose first sample has the number `first`."""
        labels = y.labels if isinstance(y, Weighted) else y
        labels = [labels] if len(self._losses) == 1 else labels
        for array in keras.tree.flatten((x, y)):
            if np.issubdtype(array.dtype, np.floating):
                self._refuse(~np.isfinite(array), first, "finite values", array)
        for loss, shape, each in zip(self._losses, self._output_shapes, labels, strict=True):
            self._check_labels(loss, shape, each, first)

    def _check_labels(self, loss, output_shape, labels, first):
        if not (np.issubdtype(labels.dtype, np.number) or labels.dtype == bool):
            self._refuse(np.ones(labels.shape, bool), first, "labels that are numbers", labels)
        if not loss.takes(labels.shape[1:], output_shape):
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected labels for the loss {loss.name} of "
                f"outputs of shape {_text(output_shape)}. Received: labels of shape {_text(labels.shape[1:])} per "
                f"sample{loss.hint(labels.shape[1:])}"
            )
        if loss.expects_class_indices:
            numbers = np.asarray(labels, "float64")  # of unsigned labels, none would be negative
            wrong = (numbers < 0) | (numbers >= output_shape[-1]) | (numbers != np.floor(numbers))
            if loss.ignore_class is not None:
                wrong &= numbers != loss.ignore_class
            self._refuse(wrong, first, f"labels from 0 to {output_shape[-1] - 1}", labels)

    def _refuse(self, wrong, first, expected, array):
        if wrong.any():
            place = np.argwhere(wrong)[0]
            value = array[tuple(place)]
            value = repr(str(value)) if isinstance(value, str | bytes) else str(value)
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected {expected}. "
                f"Received: {value} in sample {first + place[0]}"
            )


def _text(shape):
    """Returns a shape as text, with the batch axis `n`."""
    return f"({', '.join(['n', *map(str, shape)])})"


def chosen_variables(model, variables):
    """Returns the Keras variables that an argument `variables` stands for.

    Args:
        model: A built Keras model.
        variables: `None` for the model's trainable variables; a layer for its own; or a list of layers and variables.

    Raises:
        ValueError: If there are none, or one of them is not a trainable variable of the model.
    """
    if variables is None:
        chosen = list(model.trainable_variables)
    else:
        listed = variables if isinstance(variables, list | tuple) else [variables]
        chosen = [v for item in listed for v in (item.trainable_variables if _is_layer(item) else [item])]
        known = {id(variable) for variable in model.trainable_variables}
        for variable in chosen:
            if id(variable) not in known:
                raise invalid("variables", f"trainable variables or layers of the model {model.name!r}", variable)
    if not chosen:
        raise invalid("variables", "at least one trainable variable", variables)
    return chosen


def _is_layer(item):
    return isinstance(item, keras.layers.Layer)
