"""DropBlock2D: drops square blocks of the feature maps."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole
from tfdrop.layers.feature_maps import check_feature_maps, spatial_axes, standardize_data_format
from tfdrop.layers.fused import fused
from tfdrop.layers.hashed_draws import chance
from tfdrop.layers.rated_layer import Rate, RatedLayer


@keras.saving.register_keras_serializable("tfdrop")
class DropBlock2D(RatedLayer):
    """Drops square blocks of each feature map while the network trains.

    Each position at which a whole block fits is the corner of a block with probability gamma = rate / (b_h * b_w) *
    H * W / ((H - b_h + 1) * (W - b_w + 1)), independently in every channel of every sample; what the blocks cover is
    set to zero. A block larger than the map is clipped to it, each side separately. Because blocks may overlap, the
    dropped share is slightly below `rate`, as in the paper. The remaining units are scaled by the number of units over
    the number of kept units, counted per sample so that the samples of a batch stay independent. At inference the layer
    is the identity.

    Args:
        rate: Float in [0, 1), or a schedule from `tfdrop.schedules`: 1 - keep_prob, roughly the share that is dropped.
        block_size: Integer, the side of the blocks. 1 gives standard dropout.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        seed: Optional integer seed. The same seed gives the same blocks on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: Feature maps.
        training: Whether to drop (True) or to pass the inputs on (False).

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, or the inputs are not feature maps.

    Reference:
        Ghiasi et al., "DropBlock: A Regularization Method for Convolutional Networks", 2018, eq. (1) and Algorithm 1.

    >>> import numpy as np
    >>> maps = np.ones((1, 8, 8, 1), "float32")
    >>> dropped = np.asarray(DropBlock2D(0.2, block_size=3, seed=1)(maps, training=True))
    >>> round(float(dropped.mean()), 4)  # what is kept is scaled up
    1.0
    """

    def __init__(
        self, rate: Rate, block_size: int = 7, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, below_one=True, seed=seed, **kwargs)
        self.block_size = check_whole("block_size", block_size)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape: tuple) -> None:
        check_feature_maps(input_shape, self.data_format, ranks=(4,))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        state, rate = self.begin_step()
        axes = spatial_axes(self.data_format, 4)
        return inputs * _factors(state, rate, inputs, block_size=self.block_size, axes=axes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "block_size": self.block_size, "data_format": self.data_format}


@fused
def _factors(state: Any, rate: Any, inputs: Any, block_size: int, axes: tuple[int, ...]) -> Any:
    """Returns what each unit is multiplied by: 0 in a block, and elsewhere what keeps the sample's sum as it is."""
    dropped = _drop_blocks(state, rate, list(ops.shape(inputs)), block_size, axes)
    kept = ops.sum(ops.cast(ops.logical_not(dropped), "float32"), axis=(1, 2, 3), keepdims=True)
    units = ops.cast(ops.prod(ops.shape(inputs)[1:]), "float32")
    # A sample that lost everything has nothing to scale up.
    scale = ops.cast(units / ops.maximum(kept, 1.0), inputs.dtype)
    return ops.where(dropped, ops.zeros_like(scale), scale)


def _drop_blocks(state: Any, rate: Any, shape: list, block_size: int, axes: tuple[int, ...]) -> Any:
    """Draws the corners of the blocks. Returns the mask of the dropped units: those that a block covers."""
    corners = list(shape)
    probability = rate
    for axis in axes:
        block = _at_most(block_size, shape[axis])
        corners[axis] = shape[axis] - block + 1
        probability = probability * ops.cast(shape[axis], "float32") / ops.cast(block * corners[axis], "float32")
    dropped = chance(state, corners, probability)
    for axis in axes:
        dropped = _cover(dropped, axis, block_size, _at_most(block_size, shape[axis]))
    return dropped


def _at_most(block_size: int, side: Any) -> Any:
    # A known side remains a Python integer: the shapes of a compiled JAX step must not depend on a tensor.
    return min(block_size, side) if isinstance(side, int) else ops.minimum(block_size, side)


def _cover(corners: Any, axis: int, block_size: int, clipped: Any) -> Any:
    """Extends each corner along an axis to the block that begins there.

    A position is covered if it or one of the `block_size - 1` positions before it is a corner. This is the union of
    that many shifted masks, which doubling builds in log2 steps. A clipped block has only its part inside the map.
    """
    paddings = [(0, 0)] * len(corners.shape)
    paddings[axis] = (block_size - 1, clipped - 1)
    covered = ops.pad(corners, paddings)
    reach = 1
    while reach < block_size:
        shift = min(reach, block_size - reach)
        before = (slice(None),) * axis
        covered = ops.logical_or(covered[(*before, slice(None, -shift))], covered[(*before, slice(shift, None))])
        reach += shift
    return covered
