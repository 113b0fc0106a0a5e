"""Checks of what influence is asked of: the model's weights, and the samples, told by their numbers."""

import keras
import numpy as np

from tfdrop.arguments import invalid


def check_weights(model):
    """Raises a `ValueError` that names the first variable with a value that is not finite, or an unbuilt model."""
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


class SampleCheck:
    """Checks batches of one of the data arguments, so that an error names the sample.

    Args:
        name: Name of the argument.
        loss: The `PerSampleLoss`.
        classes: Last axis of the model's outputs.

    Raises:
        ValueError: When called, if a value is not finite or a label out of range.
    """

    def __init__(self, name, loss, classes):
        self._name = name
        self._loss = loss
        self._classes = classes

    def __call__(self, x, y, first):
        """Checks the batch whose first sample has the number `first`."""
        for array in keras.tree.flatten((x, y)):
            if np.issubdtype(array.dtype, np.floating):
                self._refuse(~np.isfinite(array), first, "finite values", array)
        if self._loss.expects_class_indices:
            labels = np.asarray(y)
            wrong = (labels < 0) | (labels >= self._classes) | (labels != np.floor(labels))
            self._refuse(wrong, first, f"labels from 0 to {self._classes - 1}", labels)

    def _refuse(self, wrong, first, expected, array):
        if wrong.any():
            place = np.argwhere(wrong)[0]
            raise ValueError(
                f"Invalid value received for argument `{self._name}`. Expected {expected}. "
                f"Received: {array[tuple(place)]} in sample {first + place[0]}"
            )


def chosen_variables(model, variables):
    """Returns the Keras variables that a user means.

    Args:
        model: A built Keras model.
        variables: `None` for the model's trainable variables; a layer for its own; or a list of layers and variables.

    Raises:
        ValueError: If there are none, or one is not a trainable variable of the model.
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
