"""The selection function S: which feature maps of each sample are the important ones.

Reference:
    Chen et al., "SelectScale", 2019, section 2.3.
"""

import math
from typing import Any

from keras import ops

from tfdrop.arguments import check_choice, check_whole
from tfdrop.layers.feature_maps import greatest, least, spatial_axes


def check_pooling(pool_size: int | str | None, pool_strides: int | None) -> None:
    """Raises `ValueError` unless the arguments describe a pooling that `map_scores` knows."""
    if isinstance(pool_size, str):
        check_choice("pool_size", pool_size, (None, "global"))
    elif pool_size is not None:
        check_whole("pool_size", pool_size)
    if pool_strides is not None:
        check_whole("pool_strides", pool_strides)


def map_scores(
    inputs: Any, data_format: str, pool_size: int | str | None = None, pool_strides: int | None = None
) -> Any:
    """Scores each feature map of each sample by its greatest absolute activation.

    Args:
        inputs: Feature maps of any spatial rank.
        data_format: `"channels_last"` or `"channels_first"`.
        pool_size: For the paper's ablation: the side of a window over which the absolute activations are averaged
            before the greatest is taken, or `"global"` for their mean over the whole map.
        pool_strides: The stride of that window, its side if not given.

    Returns:
        Float32 tensor `(batch, channels)`, which the gradient treats as a constant.

    >>> import numpy as np
    >>> maps = np.array([[[1.0, -3.0], [2.0, 1.0]]], "float32")  # one sample, one spatial axis, two channels
    >>> np.asarray(map_scores(maps, "channels_last")).tolist()
    [[2.0, 3.0]]
    """
    inputs = ops.stop_gradient(inputs)
    axes = spatial_axes(data_format, len(inputs.shape))
    if pool_size is None:
        # Maxima and minima are exact in half precision, and need no tensor of absolute values.
        return ops.cast(_greatest_magnitude(inputs, axes), "float32")
    magnitudes = ops.abs(ops.cast(inputs, "float32"))
    if pool_size == "global":
        return ops.mean(magnitudes, axis=axes)
    # "same" padding averages over the part inside the map, so that a map smaller than the window has a score too.
    pooled = ops.average_pool(magnitudes, pool_size, pool_strides or pool_size, padding="same", data_format=data_format)
    return greatest(pooled, axis=axes)


def _greatest_magnitude(inputs: Any, axes: tuple[int, ...]) -> Any:
    # One axis at a time, the outermost first: on CPUs this takes TensorFlow half the time of reducing all at once.
    outermost = axes[0]
    magnitudes = ops.maximum(greatest(inputs, axis=outermost), -least(inputs, axis=outermost))
    for _ in axes[1:]:
        magnitudes = greatest(magnitudes, axis=outermost)
    return magnitudes


def count_candidates(top_rate: float, channels: int) -> int:
    """Returns the number of candidates: the share `top_rate` of the maps, rounded half up, and at least one."""
    return max(1, math.floor(top_rate * channels + 0.5))


def highest(scores: Any, count: int) -> Any:
    """Finds the maps with the highest scores, in descending order; ties go to the lower channel.

    Returns:
        Integer tensor `(batch, count)` of channels.
    """
    return ops.top_k(scores, count)[1]


def scatter_to_channels(values: Any, channels: Any, like: Any) -> Any:
    """Puts `(batch, count)` values at their channels, and zeros elsewhere.

    Args:
        values: Float tensor `(batch, count)`.
        channels: Integer tensor `(batch, count)`, no channel twice per sample.
        like: A tensor `(batch, channels)`, for the shape.
    """
    batch, count = ops.shape(values)
    samples = ops.broadcast_to(ops.expand_dims(ops.arange(batch, dtype="int32"), 1), (batch, count))
    places = ops.stack([ops.reshape(samples, (-1,)), ops.reshape(ops.cast(channels, "int32"), (-1,))], axis=1)
    return ops.scatter(places, ops.reshape(values, (-1,)), ops.shape(like))
