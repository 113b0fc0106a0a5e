"""Feature maps of any spatial rank, channels first or last: which axis is which."""

import math
from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_choice, invalid


def standardize_data_format(data_format: str | None) -> str:
    """Returns the data format, or that of Keras's configuration for `None`."""
    if data_format is None:
        return keras.config.image_data_format()
    return check_choice("data_format", data_format, ("channels_last", "channels_first"))


def channel_axis(data_format: str, rank: int) -> int:
    return 1 if data_format == "channels_first" else rank - 1


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(1, rank) if axis != channel_axis(data_format, rank))


def check_feature_maps(input_shape: tuple, data_format: str, ranks: tuple[int, ...] = (3, 4, 5)) -> None:
    """Raises `ValueError` unless the shape is that of feature maps with a known number of channels.

    Args:
        input_shape: The shape, batch axis included.
        data_format: `"channels_last"` or `"channels_first"`.
        ranks: The ranks that the layer accepts, batch and channels included.
    """
    rank = len(input_shape)
    if rank not in ranks:
        expected = " or ".join(str(allowed) for allowed in ranks)
        maps = f"feature maps: a tensor of rank {expected}, batch and channels included"
        raise invalid("inputs", maps, received=f"inputs.shape={tuple(input_shape)}")
    if input_shape[channel_axis(data_format, rank)] is None:
        known = f"a known number of channels for data_format={data_format!r}"
        raise invalid("inputs", known, received=f"inputs.shape={tuple(input_shape)}")


def batch_and_channels(inputs: Any, data_format: str) -> tuple[Any, int]:
    """Returns the shape of one value per feature map; the batch size may be symbolic, the number of channels is not."""
    shape = ops.shape(inputs)
    return shape[0], shape[channel_axis(data_format, len(shape))]


def per_map(values: Any, inputs: Any, data_format: str) -> Any:
    """Expands `(batch, channels)` values so that they broadcast over the maps, in the dtype of the inputs."""
    values = ops.cast(values, inputs.dtype)
    for axis in spatial_axes(data_format, len(inputs.shape)):
        values = ops.expand_dims(values, axis)
    return values


def greatest(values: Any, axis: int | tuple[int, ...], keepdims: bool = False) -> Any:
    """Returns the maxima along some axes, also of a batch without samples, where `ops.max` alone raises an error."""
    return ops.max(values, axis=axis, keepdims=keepdims, initial=-math.inf)


def least(values: Any, axis: int) -> Any:
    """Returns the minima along an axis, also of a batch without samples."""
    return ops.min(values, axis=axis, initial=math.inf)
