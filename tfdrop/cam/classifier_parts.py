"""A classifier taken apart: what computes the last feature maps, and what makes scores of the classes from them."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from tfdrop.arguments import invalid

RANK_OF_MAPS = 4
# What does nothing to pooled features in inference, or changes their shape alone.
PASSING = (layers.Dropout, layers.Flatten, layers.Identity)
LAST_ACTIVATIONS = (layers.Softmax, layers.Activation)


class ClassifierParts(NamedTuple):
    """A classifier in two parts.

    Attributes:
        before: Models that one after another make the last feature maps of images.
        after: Layers that one after another make of these what the last dense layer takes, or the scores themselves.
        dense: The last dense layer, whose activation is left out; `None` where there is none.
        channels_axis: The axis of the feature maps' channels: 1 or 3.
    """

    before: list[keras.Model]
    after: list[Any]
    dense: layers.Dense | None
    channels_axis: int

    @property
    def averages(self) -> bool:
        """Whether it ends in global average pooling and a dense layer, so that scores are sums over the maps."""
        if self.dense is None or not self.after:
            return False
        pooling, *rest = self.after
        return isinstance(pooling, layers.GlobalAveragePooling2D) and all(isinstance(each, PASSING) for each in rest)

    def features(self, images: np.ndarray) -> Any:
        """Returns the last feature maps of some images, channels last or first as the classifier has them."""
        found = images
        for model in self.before:
            found = model.predict_on_batch(found)
        return ops.cast(found, "float32")

    def scores(self, features: Any) -> Any:
        """Returns the scores of the classes, before any softmax: shape `(batch, classes)`, in float32."""
        found = features
        for layer in self.after:
            found = layer(found)
        found = ops.cast(found, "float32")
        if self.dense is None:
            return found
        scores = ops.matmul(found, ops.cast(self.dense.kernel, "float32"))
        return scores if self.dense.bias is None else scores + ops.cast(self.dense.bias, "float32")


def classifier_parts(model: keras.Model) -> ClassifierParts:
    """Returns the parts of a classifier, split at its last feature maps; models inside of it are looked into.

    Args:
        model: A functional or sequential model from images to one score or probability a class.

    Raises:
        ValueError: If it is not such a model.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise invalid("model", "a built functional or sequential model", received=type(model).__name__)
    if len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2 or len(inputs[0].shape) != RANK_OF_MAPS:
        received = f"inputs {[each.shape for each in inputs]}, outputs {[each.shape for each in outputs]}"
        raise invalid("model", "one input of images and one output of shape (batch, classes)", received=received)
    before: list[keras.Model] = []
    after: list[Any] = []
    start, tensor = inputs[0], outputs[0]
    while not _is_maps(tensor):
        made_by, taken = _made_by(tensor)
        if isinstance(made_by, keras.Model):  # a model inside of the model
            before.append(keras.Model(start, taken))
            start, tensor = made_by.inputs[0], made_by.outputs[0]
        else:
            after.insert(0, made_by)
            tensor = taken
    before.append(keras.Model(start, tensor))
    data_format = getattr(after[0], "data_format", None) or keras.config.image_data_format()
    while isinstance(after[-1], LAST_ACTIVATIONS):
        after.pop()
    dense = after.pop() if after and isinstance(after[-1], layers.Dense) else None
    return ClassifierParts(before, after, dense, 1 if data_format == "channels_first" else RANK_OF_MAPS - 1)


def _is_maps(tensor: Any) -> bool:
    """Tells whether a tensor is feature maps; what pooling made of them is not, even if it kept their axes."""
    pools = isinstance(tensor._keras_history.operation, layers.GlobalAveragePooling2D)
    return len(tensor.shape) == RANK_OF_MAPS and not pools


def _made_by(tensor: Any) -> tuple[Any, Any]:
    """Returns the layer that made a tensor, and the one tensor that it took."""
    operation, node, _ = tensor._keras_history
    taken = operation._inbound_nodes[node].input_tensors
    if len(taken) != 1:
        raise invalid("model", "a single path from the last feature maps to the output", received=operation.name)
    return operation, taken[0]
