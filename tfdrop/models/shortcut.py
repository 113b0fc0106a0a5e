"""The shortcut without parameters of residual networks, He et al.'s option A."""

import keras
from keras import ops

from tfdrop.arguments import check_whole, invalid


@keras.saving.register_keras_serializable("tfdrop")
class ParameterFreeShortcut(keras.layers.Layer):
    """Brings feature maps to another size without parameters: takes every `strides`-th pixel and adds empty maps.

    Args:
        filters: Number of maps to bring the input to, at least its own: maps of zeros are added behind it.
        strides: Integer: which pixels are taken, from the first one.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: If an argument is no positive integer, or the input has more maps than `filters`.

    Reference:
        - [He et al., 2015](https://arxiv.org/abs/1512.03385), section 3.3, option A.
    """

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = check_whole("filters", filters)
        self.strides = check_whole("strides", strides)

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise invalid("filters", f"at least the {input_shape[-1]} maps of the input", self.filters)

    def call(self, inputs):
        missing = self.filters - inputs.shape[-1]
        return ops.pad(inputs[:, :: self.strides, :: self.strides], [(0, 0), (0, 0), (0, 0), (0, missing)])

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(side and -(-side // self.strides) for side in sides), self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}
