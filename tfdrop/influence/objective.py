"""The loss that `fit` minimizes, as one number per sample, and the targets that it takes."""

import copy

import keras
import numpy as np

from tfdrop.arguments import invalid, is_number
from tfdrop.influence.joined_outputs import JoinedLoss, joined_outputs
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.influence.weights import (
    Weighted,
    check_class_weight,
    class_weights,
    outputs_and_masks,
    weights_and_tally,
)


class Objective:
    """A model's training loss: the losses of its outputs, their weights, and the weights of samples and positions.

    Args:
        model: A built Keras model.
        loss: A loss, a list or a dictionary of losses; or `None` for those that the model was compiled with.
        loss_weights: Weights of the outputs' losses, as in `keras.Model.compile`.
        class_weight: Weights of classes, as in `keras.Model.fit`.
        x: Some samples, to see the model's outputs.

    Attributes:
        losses: The `PerSampleLoss` of each output that has one.
        model: The model with one output to take derivatives of: the model itself where it has one output.
        loss: The per-sample loss of that output.
        masked: Whether outputs have Keras masks.
        averages_over_weights: Whether weights have a factor that all of the data has to be read for.
        output_shapes: Shapes of the outputs that have a loss, without the batch axis.

    Raises:
        ValueError: If the loss is not one that can be had per sample.
    """

    def __init__(self, model, loss, loss_weights, class_weight, x):
        if loss is None:
            loss, loss_weights = _compiled(model, loss_weights)
        structure = model(x, training=False)
        outputs, masks = outputs_and_masks(model, x)
        _check_added_losses(model)
        self._original = model
        self._names = _names(model, structure)
        losses = _by_output("loss", loss, self._names, broadcast=True)
        weights = _by_output("loss_weights", loss_weights, self._names)
        self._used = [place for place, each in enumerate(losses) if each is not None]
        if not self._used:
            raise invalid("loss", "a Keras loss", loss)
        self.losses = [PerSampleLoss(losses[i], _loss_weight(weights[i]), len(outputs[i].shape)) for i in self._used]
        if len({each.sums for each in self.losses}) > 1:
            raise invalid("loss", "losses that all sum over the batch, or all average", loss)
        check_class_weight(class_weight, len(self._used))
        self._class_weight = class_weight
        self.masked = any(masks[i] is not None for i in self._used)
        self.averages_over_weights = self.masked or any(
            each.ignore_class is not None or each.reduction == "mean_with_sample_weight" for each in self.losses
        )
        self.output_shapes = [tuple(outputs[i].shape[1:]) for i in self._used]
        self._nested = keras.tree.is_nested(structure)
        self.model = joined_outputs(model, self._used) if self._nested else model
        self.loss = JoinedLoss(self.losses, self.output_shapes) if len(self._used) > 1 else self.losses[0]

    def without_class_weight(self):
        """Returns the same objective without class weights, as `fit` has it for validation data."""
        other = copy.copy(self)
        other._class_weight = None
        return other

    def losses_of(self, x, y):
        """Returns the loss of every sample in a batch."""
        return self.loss(y, self.model(x, training=False))

    def check_batch(self, name, x, y):
        """Computes the losses of some samples outside of compiled code, so that an error is a short one.

        Raises:
            ValueError: If the model does not take `x`, or the loss does not take its outputs with `y`.
        """
        x, y = keras.tree.map_structure(lambda array: array[:2], (x, y))
        outputs = try_model(name, self.model, x)
        try:
            self.loss(y, outputs)
        except Exception as error:
            if str(error).startswith("Invalid value received"):
                raise
            raise _short(f"argument `{name}`. Expected labels that the loss takes", y, error) from None

    def targets(self, name, x, labels, sample_weight):
        """Returns labels, and raw weights and their tallies, each a list with one item per output that has a loss.

        Weights are a list of `None` where all samples and positions count the same.
        """
        labels = self._arranged(name, "labels", labels)
        given = self._arranged(name, "sample weights", sample_weight, broadcast=True)
        if self._class_weight is not None:
            if sample_weight is not None:
                raise invalid("class_weight", "None where there are sample weights", self._class_weight)
            given = [class_weights(labels[0], self._class_weight)]
        masks = outputs_and_masks(self._original, x)[1] if self.masked else [None] * len(self._names)
        masks = [
            None if masks[i] is None else np.asarray(keras.ops.convert_to_numpy(masks[i]), bool) for i in self._used
        ]
        found = [weights_and_tally(*each) for each in zip(self.losses, labels, given, masks, strict=True)]
        return labels, [weights for weights, _ in found], np.array([tally for _, tally in found])

    def joined(self, labels, weights, factors):
        """Returns the `y` that the loss takes: labels, with weights times their factors where there are."""
        one = len(labels) == 1
        if all(each is None for each in weights):
            return labels[0] if one else labels
        factors = np.ones(len(labels)) if factors is None else factors
        weights = [
            np.ones(len(each), "float32") if weight is None else weight * np.float32(factor)
            for each, weight, factor in zip(labels, weights, factors, strict=True)
        ]
        return Weighted(labels[0], weights[0]) if one else Weighted(labels, weights)

    def _arranged(self, name, what, values, broadcast=False):
        """Returns one array for each output that has a loss; `None` for each if there are no values."""
        if values is None:
            return [None] * len(self._used)
        if isinstance(values, dict):
            names = [self._names[i] for i in self._used]
            missing = [each for each in names if each not in values]
            if not missing:
                return [values[each] for each in names]
            if not self._nested and len(values) == 1:
                return list(values.values())
            received = f"a dictionary with {sorted(values)}"
        else:
            flat = list(values) if isinstance(values, tuple | list) else [values]
            if broadcast and not isinstance(values, tuple | list):
                flat = flat * len(self._used)
            if len(flat) == len(self._used):
                return flat
            if len(flat) == len(self._names):
                return [flat[i] for i in self._used]
            received = f"{what} for {len(flat)}"
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected {what} for the model's {len(self._names)} outputs "
            f"{self._names}. Received: {received}"
        )


def try_model(name, model, x):
    """Returns a model's outputs, or raises a short `ValueError` if it does not take samples of an argument."""
    try:
        return model(x, training=False)
    except Exception as error:
        raise _short(f"argument `{name}`. Expected samples that the model {model.name!r} takes", x, error) from None


def _short(expected, values, error):
    """Returns a `ValueError` with the shapes of what was received, and the first lines of another error."""
    shapes = ", ".join(f"shape ({', '.join(['n', *map(str, a.shape[1:])])})" for a in keras.tree.flatten(values))
    said = " ".join(line.strip() for line in str(error).splitlines() if line.strip())[:300]
    return ValueError(f"Invalid value received for {expected}. Received: {shapes} ({said})")


def _compiled(model, loss_weights):
    """Returns the loss and the loss weights that a model was compiled with."""
    compiled = getattr(model, "_compile_loss", None)
    if getattr(model, "loss", None) is None:
        raise invalid("loss", "a Keras loss", None)
    if type(model).compute_loss is not keras.Model.compute_loss:
        raise ValueError(
            "Invalid value received for argument `loss`. Expected a loss for a model that overrides compute_loss. "
            "Received: loss=None"
        )
    return model.loss, getattr(compiled, "_user_loss_weights", None) if loss_weights is None else loss_weights


def _check_added_losses(model):
    """Raises a `ValueError` if layers add losses of their own: `fit` minimizes them, but they are not per sample."""
    for layer in model._flatten_layers():
        if getattr(layer, "_losses", None):
            raise ValueError(
                "Invalid value received for argument `model`. Expected a loss of outputs and weights alone. Received: "
                f"the layer {layer.name!r} with add_loss or an activity regularizer, which fit minimizes too"
            )


def _names(model, outputs):
    """Returns a name for each of the model's outputs, in the order that `keras.tree.flatten` has."""
    if isinstance(outputs, dict):
        return keras.tree.flatten({name: name for name in outputs})
    count = len(keras.tree.flatten(outputs))
    names = getattr(model, "output_names", None) or []
    return list(names) if len(names) == count else [f"output {number}" for number in range(count)]


def _by_output(argument, values, names, broadcast=False):
    """Returns a list with one of `values` for each output, `None` where there is none."""
    if values is None:
        return [None] * len(names)
    if isinstance(values, dict):
        unknown = [name for name in values if name not in names]
        if unknown and not (len(values) == len(names) == 1):
            raise invalid(argument, f"keys from {names}", values)
        return list(values.values()) if unknown else [values.get(name) for name in names]
    if isinstance(values, list | tuple):
        if len(values) != len(names):
            raise invalid(argument, f"{len(names)} values, one for each output", values)
        return list(values)
    if len(names) > 1 and not broadcast:
        raise invalid(argument, f"{len(names)} values, one for each output", values)
    return [values] * len(names)


def _loss_weight(weight):
    if weight is not None and not is_number(weight):
        raise invalid("loss_weights", "finite numbers", weight)
    return weight
