"""Feature maps of any spatial rank, channels first or last: which axis is which."""

import math

import keras
from keras import ops

from tfdrop.arguments import check_choice


def standardize_data_format(data_format):
    """Hands back the data format asked for, or that of Keras's configuration for `None`."""
    if data_format is None:
        return keras.config.image_data_format()
    return check_choice("data_format", data_format, ("channels_last", "channels_first"))


def channel_axis(data_format, rank):
    return 1 if data_format == "channels_first" else rank - 1


def spatial_axes(data_format, rank):
    return tuple(axis for axis in range(1, rank) if axis != channel_axis(data_format, rank))


def check_feature_maps(input_shape, data_format, ranks=(3, 4, 5)):
    """Raises `ValueError` unless the shape is one of feature maps with a known number of channels.

    Args:
        input_shape: The shape, batch axis included.
        data_format: `"channels_last"` or `"channels_first"`.
        ranks: The ranks that the layer takes, batch and channels included.
    """
    rank = len(input_shape)
    if rank not in ranks:
        expected = " or ".join(str(allowed) for allowed in ranks)
        raise ValueError(
            "Invalid value received for argument `inputs`. Expected feature maps: a tensor of rank "
            f"{expected}, batch and channels included. Received: inputs.shape={tuple(input_shape)}"
        )
    if input_shape[channel_axis(data_format, rank)] is None:
        raise ValueError(
            "Invalid value received for argument `inputs`. Expected a known number of channels for "
            f"data_format={data_format!r}. Received: inputs.shape={tuple(input_shape)}"
        )


def batch_and_channels(inputs, data_format):
    """The two sizes that a value a feature map has: the batch size may be symbolic, the channels are not."""
    shape = ops.shape(inputs)
    return shape[0], shape[channel_axis(data_format, len(shape))]


def per_map(values, inputs, data_format):
    """Gives `(batch, channels)` values the axes that broadcast them over the maps, in the dtype of the inputs."""
    values = ops.cast(values, inputs.dtype)
    for axis in spatial_axes(data_format, len(inputs.shape)):
        values = ops.expand_dims(values, axis)
    return values


def greatest(values, axis, keepdims=False):
    """Returns the maxima along some axes, also of a batch without samples, where `ops.max` alone raises an error."""
    return ops.max(values, axis=axis, keepdims=keepdims, initial=-math.inf)


def least(values, axis):
    """Returns the minima along an axis, also of a batch without samples."""
    return ops.min(values, axis=axis, initial=math.inf)
